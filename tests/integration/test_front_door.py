"""The way of somebody new: a clone, `make up`, `make smoke`, `make destroy`, and no name for the platform."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from music_platform.hosts import processes

from tests.second_platform import CHECKOUT, complete, free_of_make, free_offset

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OUTPUTS = {
    "kafka_bootstrap_servers",
    "schema_registry_url",
    "spark_master_url",
    "spark_ui_url",
    "postgres_host",
    "postgres_port",
    "postgres_database",
    "postgres_dsn",
    "postgres_readonly_dsn",
}
"""Of every environment; Superset's are null where it does not run, and then Terraform leaves them out."""


@dataclass(frozen=True)
class Clone:
    """What is committed, as somebody has it who has cloned the repository, with a home for its platform."""

    checkout: Path
    home: Path

    def run(self, *command: str) -> str:
        """Run a command that must succeed; what it says, unprinted: there may be passwords in it."""
        ran = complete(command, self.checkout, free_of_make())
        assert ran.returncode == 0, f"{' '.join(command)} failed:\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def processes(self) -> list[psutil.Process]:
        """Every process that works in the clone or its home, or whose command names one of them."""
        return [process for process in psutil.process_iter() if self._has(process)]

    def _has(self, process: psutil.Process) -> bool:
        try:
            words = (process.cwd(), *process.cmdline())
        except psutil.Error:
            return False
        return any(str(place) in word for word in words for place in (self.checkout, self.home))


@pytest.fixture
def clone() -> Iterator[Clone]:
    directory = Path(tempfile.mkdtemp(prefix="music-front-door-"))
    # For root: servers run as an unprivileged user, who must get in.
    directory.chmod(0o755)
    cloned = Clone(directory / "clone", directory / "home")
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(cloned.checkout)], check=True)
    yield cloned
    processes.end(cloned.processes())
    shutil.rmtree(directory, ignore_errors=True)


def test_a_fresh_clone_runs_by_make_up_proves_itself_by_make_smoke_and_leaves_nothing_after_make_destroy(
    clone: Clone,
) -> None:
    # As somebody sets who wants other topics than the contract's: it is no setting of make.
    override = (
        'kafka = { topics = { "music.stream-events.dlq" = { partitions = 4, retention_ms = 3600000 } } }'
    )
    (clone.checkout / "terraform" / "local" / "own.auto.tfvars").write_text(override)
    ports = f"PORT_OFFSET={free_offset()}"
    started = clone.run("make", "up", f"HOME_DIR={clone.home}", ports, "RATE=20", "HISTORY=0", "SUPERSET=0")
    assert "The platform runs" in started
    assert "events/s are stored" in started

    # Neither a name nor the home is said again: the clone knows its own platform.
    print(started, clone.run("make", "smoke"))
    outputs = json.loads(clone.run("terraform", "-chdir=terraform/local", "output", "-json"))
    assert set(outputs) >= OUTPUTS
    assert outputs["postgres_dsn"]["sensitive"]
    assert outputs["kafka_topics"]["value"]["music.stream-events.dlq"]["partitions"] == 4

    assert clone.processes() != []
    clone.run("make", "destroy", "FORCE=1")
    assert clone.processes() == []
    assert not (clone.home / "instances" / "default").exists()
