"""A server of the tests' own, made by the scripts that make every other, and thrown away."""

import getpass
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from music_platform.hosts import ports

from tests.waiting import wait_until

CHECKOUT = Path(__file__).parents[1]
PROVISION = CHECKOUT / "scripts" / "provision"
START_LIMIT_S = 60

# Below the ports that the system gives to outgoing connections.
PORTS = range(25_000, 26_000)


@contextmanager
def home_of(component: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory for a server, and the environment that its provisioning script needs; both end with it."""
    home = Path(tempfile.mkdtemp(prefix=f"music-{component}-test-"))
    # For root: servers run as an unprivileged user, who must get in.
    home.chmod(0o755)
    environment = {
        **os.environ,
        "MUSIC_ARTIFACTS_DIR": str(CHECKOUT / "build" / "artifacts"),
        "MUSIC_OPT_DIR": str(home / "opt"),
        "MUSIC_CONFIG_DIR": str(home / "etc"),
        "MUSIC_DATA_DIR": str(home / "data"),
        "MUSIC_RUN_AS": "nobody" if os.geteuid() == 0 else getpass.getuser(),
    }
    try:
        yield home, environment
    finally:
        shutil.rmtree(home, ignore_errors=True)


def free_ports(count: int) -> list[str]:
    """So many ports that nothing listens on now."""
    free = (port for port in random.sample(PORTS, len(PORTS)) if ports.is_free(port))
    return [str(next(free)) for _ in range(count)]


def run(command: list[str], environment: Mapping[str, str]) -> None:
    """Run a command that must succeed."""
    ran = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(command)} failed:\n{ran.stdout}\n{ran.stderr}"


def build() -> None:
    """Build the artifacts: built already, as a rule, and then this takes no time."""
    run([str(Path(sys.executable).parent / "music-platform"), "artifacts"], os.environ)


@contextmanager
def running(script: str, home: Path, environment: Mapping[str, str], stop: signal.Signals) -> Iterator[None]:
    """Install and configure a server, run it until the end, and end it with a signal."""
    build()
    with started([str(PROVISION / script)], home, environment, stop):
        yield


@contextmanager
def started(
    program: Sequence[str], home: Path, environment: Mapping[str, str], stop: signal.Signals
) -> Iterator[int]:
    """The same with the script as it is called, perhaps by another user; its process id."""
    for verb in ("install", "configure"):
        run([*program, verb], environment)
    log = home / "log"
    with log.open("wb") as output:
        server = subprocess.Popen([*program, "run"], env=environment, stdout=output, stderr=subprocess.STDOUT)
    health = [*program, "health"]
    try:
        wait_until(
            lambda: subprocess.run(health, env=environment, capture_output=True).returncode == 0,
            START_LIMIT_S,
            f"the start by {program[-1]} (its log: {log})",
        )
        yield server.pid
    finally:
        server.send_signal(stop)
        server.wait(START_LIMIT_S)
