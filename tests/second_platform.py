"""A platform of the tests' own, with ports, name and home of its own, started the way a user starts one."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from music_platform import ports, preflight, processes, settings
from music_platform.instance import Instance

CHECKOUT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).parent / "music-platform"
# Clear of the usual ports, and below those that the system gives to outgoing connections (32768 and up).
OFFSETS = range(16_000, 23_000, 100)
START_LIMIT_S = 600


@dataclass(frozen=True)
class SecondPlatform:
    """A running platform; every address comes from `terraform output -json`."""

    name: str
    home: Path
    words: tuple[str, ...]
    outputs: dict[str, Any] = field(repr=False)

    @property
    def instance_dir(self) -> Path:
        return self.home / "instances" / self.name

    @property
    def kafka_bootstrap_servers(self) -> str:
        return str(self.outputs["kafka_bootstrap_servers"])

    @property
    def schema_registry_url(self) -> str:
        return str(self.outputs["schema_registry_url"])

    @property
    def postgres_dsn(self) -> str:
        return str(self.outputs["postgres_dsn"])

    @property
    def postgres_readonly_dsn(self) -> str:
        return str(self.outputs["postgres_readonly_dsn"])

    @property
    def spark_master_url(self) -> str:
        return str(self.outputs["spark_master_url"])

    @property
    def spark_ui_url(self) -> str:
        return str(self.outputs["spark_ui_url"])

    @property
    def supervisor(self) -> processes.Supervisor:
        """The supervisor of its processes: to see them, and to start them again."""
        return processes.Supervisor(self.instance_dir / "run" / "supervisor.sock")

    def run(self, command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of `music-platform` on this platform."""
        return music_platform(command, *self.words, *words)


def music_platform(command: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line as `make` does, free of the settings of the make around it."""
    environment = {**os.environ, settings.ENVIRONMENT_VARIABLE: ""}
    return subprocess.run(
        [str(COMMAND), command, *words],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
    )


@contextmanager
def start(**more_settings: object) -> Iterator[SecondPlatform]:
    """Start a platform (without a producer unless RATE is given) and destroy it in the end, come what may."""
    home = Path(tempfile.mkdtemp(prefix="music-platform-test-"))
    # For root: PostgreSQL runs as an unprivileged user, who must get in.
    home.chmod(0o755)
    name = f"test-{home.name.rpartition('-')[2].replace('_', '-').lower()}"
    chosen: dict[str, object] = {"RATE": 0, **more_settings, "PORT_OFFSET": free_offset()}
    words = (f"NAME={name}", f"HOME_DIR={home}")
    try:
        started = music_platform("up", *words, *(f"{key}={value}" for key, value in chosen.items()))
        assert started.returncode == 0, f"the platform did not start:\n{started.stdout}\n{started.stderr}"
        outputs = json.loads(music_platform("output", *words).stdout)
        yield SecondPlatform(name, home, words, outputs)
    finally:
        destroyed = music_platform("destroy", *words, "FORCE=1")
        left = processes.belonging_to(home)
        processes.end(left)
        shutil.rmtree(home, ignore_errors=True)
    assert destroyed.returncode == 0, (
        f"the platform was not destroyed:\n{destroyed.stdout}\n{destroyed.stderr}"
    )
    assert not left, f"destroy left processes behind: {left}"


def free_offset() -> int:
    """Return an offset at which every port of a platform is free now."""
    probe = Instance(checkout=CHECKOUT, home=CHECKOUT)
    for offset in random.sample(OFFSETS, len(OFFSETS)):
        if all(ports.is_free(port) for port in preflight.ports_of(probe, {"port_offset": offset}).values()):
            return offset
    raise AssertionError(f"no offset from {OFFSETS.start} to {OFFSETS.stop} has all its ports free")
