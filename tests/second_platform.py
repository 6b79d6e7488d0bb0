"""A platform of the tests' own, with ports, name and home of its own, started the way a user starts one."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from music_platform.deployment import instance, settings
from music_platform.deployment.instance import Instance
from music_platform.hosts import hosting, ports, preflight, processes
from music_platform.hosts.hosting import Program

CHECKOUT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).parent / "music-platform"
# Clear of the usual ports, and below those that the system gives to outgoing connections (32768 and up).
OFFSETS = range(16_000, 23_000, 100)
# Half of it goes into installing Superset, where that is asked for and the machine has other work.
START_LIMIT_S = 900


@dataclass(frozen=True)
class SecondPlatform:
    """A running platform; every address comes from `terraform output -json`."""

    name: str
    home: Path
    words: tuple[str, ...]
    outputs: dict[str, Any] = field(repr=False)

    @property
    def instance(self) -> Instance:
        """The platform as the command line knows it."""
        return instance.select(CHECKOUT, settings.given(self.words))

    @property
    def instance_dir(self) -> Path:
        return self.instance.directory

    @property
    def kafka_bootstrap_servers(self) -> str:
        return str(self.outputs["kafka_bootstrap_servers"])

    @property
    def kafka_client(self) -> dict[str, str]:
        """What a client of Kafka needs to connect, by librdkafka's names."""
        return dict(self.outputs["kafka_client"])

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
    def spark_job_ui_url(self) -> str:
        return str(self.outputs["spark_job_ui_url"])

    def programs(self) -> dict[str, Program]:
        """Its servers by their names, wherever they run."""
        return {program.name: program for program in hosting.of(self.instance).programs()}

    @property
    def supervisor(self) -> processes.Supervisor:
        """The supervisor of its processes: to see them, and to start them again."""
        return processes.Supervisor(self.instance_dir / "run" / "supervisor.sock")

    def run(self, command: str, *words: str, checkout: Path = CHECKOUT) -> "subprocess.CompletedProcess[str]":
        """Run a command of `music-platform` on this platform, perhaps from another checkout."""
        return music_platform(command, *self.words, *words, checkout=checkout)


def music_platform(
    command: str, *words: str, checkout: Path = CHECKOUT
) -> "subprocess.CompletedProcess[str]":
    """Run the command line as `make` does, free of the settings of the make around it."""
    environment = {**os.environ, settings.ENVIRONMENT_VARIABLE: ""}
    return complete([str(COMMAND), command, *words], checkout, environment)


def free_of_make() -> dict[str, str]:
    """This environment without what a make around the tests would say to the makes below it."""
    its = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", settings.ENVIRONMENT_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in its}


def complete(
    arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; where that cannot be waited for, end it with all that it has started."""
    with subprocess.Popen(
        arguments,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=START_LIMIT_S)
        except BaseException:
            # Terraform and its scripts too: they would go on starting what is then destroyed.
            processes.end(processes.tree(process.pid))
            raise
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


@contextmanager
def start(environment: str = "local", **more_settings: object) -> Iterator[SecondPlatform]:
    """Start a platform and destroy it in the end, come what may.

    It has no producer unless RATE is given, and no Superset unless SUPERSET=1 is.
    """
    home, name = new_home()
    chosen: dict[str, object] = {"RATE": 0, "SUPERSET": 0, **more_settings}
    chosen["PORT_OFFSET"] = free_offset(environment)
    words = (f"ENV={environment}", f"NAME={name}", f"HOME_DIR={home}")
    try:
        started = music_platform("up", *words, *(f"{key}={value}" for key, value in chosen.items()))
        assert started.returncode == 0, f"the platform did not start:\n{started.stdout}\n{started.stderr}"
        outputs = json.loads(music_platform("output", *words).stdout)
        yield SecondPlatform(name, home, words, outputs)
    finally:
        try:
            destroyed = music_platform("destroy", *words, "FORCE=1")
        finally:
            left = processes.belonging_to(home)
            processes.end(left)
            shutil.rmtree(home, ignore_errors=True)
    assert destroyed.returncode == 0, (
        f"the platform was not destroyed:\n{destroyed.stdout}\n{destroyed.stderr}"
    )
    assert not left, f"destroy left processes behind: {left}"


def new_home() -> tuple[Path, str]:
    """Make a home for a platform; return it, and a name that no other platform has."""
    home = Path(tempfile.mkdtemp(prefix="music-platform-test-"))
    # For root: PostgreSQL runs as an unprivileged user, who must get in.
    home.chmod(0o755)
    return home, f"test-{home.name.rpartition('-')[2].replace('_', '0').lower()}"


def free_offset(environment: str = "local") -> int:
    """Return an offset at which every port of a platform is free now."""
    probe = Instance(checkout=CHECKOUT, home=CHECKOUT, environment=environment)
    for offset in random.sample(OFFSETS, len(OFFSETS)):
        if all(ports.is_free(port) for port in preflight.ports_of(probe, {"port_offset": offset}).values()):
            return offset
    raise AssertionError(f"no offset from {OFFSETS.start} to {OFFSETS.stop} has all its ports free")
