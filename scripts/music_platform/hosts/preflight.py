"""Looks at the machine before anything starts, and says in sentences what is missing and how to get it."""

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from music_platform.console.progress import Progress
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import java, prerequisites
from music_platform.hosts.hosting import Check

OLDEST_PYTHON = (3, 11)
# What Terraform refuses too; said here before anything is built.
SUPERVISOR_LIMITS = Path("modules/supervisor/local/limits.json")
ARTIFACTS = Path("build/artifacts/manifest.json")
GIB = 2**30
# The platform takes about 5 GiB when busy, 0.6 of them Superset's; it starts with less.
MEMORY_TO_START = 4 * GIB
# What a first start writes to the home: the programs (2.6 GiB), and 1.8 million events of the past (two and
# a half hours at 200 a second: 1.3 GB in PostgreSQL) with the logs of PostgreSQL and Kafka. Every day of 200
# events/s then adds 11 to 14 GB to PostgreSQL alone.
DISK_FOR_HOME = 5 * GIB
# What it writes to the checkout: the artifacts (1.1 GiB); as much goes into the user's cache beside.
DISK_FOR_ARTIFACTS = 2 * GIB
# What must be free beside, also when nothing new is installed.
DISK_MARGIN = 1 * GIB


def run(instance: Instance, more: Sequence[Check], progress: Progress) -> None:
    """Check everything, `more` included; raise one PlatformError that lists all that is missing.

    A JDK is installed, where it can be, once all the rest is there.
    """
    lacks_java = java.will_be_installed()
    checks: list[Check] = [
        require_python,
        *([] if lacks_java else [prerequisites.require_java]),
        lambda: prerequisites.require_terraform(instance.terraform_binary),
        *disk_checks(instance),
        *more,
    ]
    found = _passed(checks)
    if lacks_java:
        progress.step("There is no Java: installing it with apt-get, as this is root on Debian or Ubuntu")
        progress.detail(f"installed {java.install()}")
        found += _passed([prerequisites.require_java])
    progress.detail(", ".join(found))


def _passed(checks: Sequence[Check]) -> list[str]:
    """Return what the checks found; raise one PlatformError for all that did not pass."""
    found: list[str] = []
    problems: list[str] = []
    for check in checks:
        try:
            found.append(check())
        except PlatformError as problem:
            problems.append(str(problem))
    if problems:
        raise PlatformError("\n".join(["This machine is not ready; nothing was started.", *problems]))
    return found


def ports_of(instance: Instance, values: Mapping[str, Any]) -> dict[str, int]:
    """Return the ports that the instance's servers will listen on, by use."""
    file = instance.root_module / "ports.json"
    if not file.exists():
        return {}
    offset = int(values.get("port_offset", 0))
    return {use.replace("_", " "): port + offset for use, port in json.loads(file.read_text()).items()}


def require_usable_path(instance: Instance) -> str:
    """Return the home; raise a PlatformError when its path is not one that the supervisor can work below."""
    limits = json.loads((instance.checkout / SUPERVISOR_LIMITS).read_text(encoding="utf-8"))
    if not re.fullmatch(limits["home_pattern"], str(instance.home)):
        raise PlatformError(
            f"The path {instance.home} holds more than letters, digits, dots, hyphens and underscores: "
            "choose another with `make up HOME_DIR=/a/plain/path`."
        )
    excess = len(str(instance.supervisor_socket)) - limits["socket_path"]
    if excess > 0:
        raise PlatformError(
            f"The path {instance.directory} is too long by {excess} for the supervisor's socket in it: "
            "choose a shorter one with `make up HOME_DIR=/a/short/path`."
        )
    return f"home {instance.home}"


def require_python() -> str:
    """Return the version of the Python that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        raise PlatformError(
            f"This is Python {version}; 3.11 or newer is needed: `make setup PYTHON=python3.11`."
        )
    return f"Python {version}"


def require_memory(needed: int = MEMORY_TO_START) -> str:
    """Return how much memory is available."""
    available = memory_available()
    if available < needed:
        raise PlatformError(
            f"{_gib(available)} of memory are available and {_gib(needed)} are needed: end other programs, "
            "or give this machine (or container) more memory."
        )
    return f"{_gib(available)} of memory"


def memory_available(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the bytes that new processes can use: the machine's, or less where a container has a limit."""
    available = int(psutil.virtual_memory().available)
    for directory, limit_file, usage_file in (
        (cgroup, "memory.max", "memory.current"),
        (cgroup / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            limit = int((directory / limit_file).read_text())
            usage = int((directory / usage_file).read_text())
            lines = (directory / "memory.stat").read_text().splitlines()
        except (OSError, ValueError):
            continue  # no such control group, or "max"
        statistics = {name: value for name, _, value in (line.partition(" ") for line in lines)}
        # Cached files count as used although the kernel gives their memory back when it is asked for.
        reclaimable = int(statistics.get("total_inactive_file", statistics.get("inactive_file", "0")))
        available = min(available, max(0, limit - usage + reclaimable))
    return available


def disk_checks(instance: Instance) -> list[Check]:
    """Return a check of each disk that a start writes to: home and checkout may be on one or on two."""
    writes = {
        instance.home: 0 if instance.exists else DISK_FOR_HOME,
        instance.checkout: 0 if (instance.checkout / ARTIFACTS).exists() else DISK_FOR_ARTIFACTS,
    }
    needed: dict[int, int] = {}
    shown: dict[int, Path] = {}
    for directory, size in writes.items():
        device = _existing(directory).stat().st_dev
        needed[device] = needed.get(device, DISK_MARGIN) + size
        shown.setdefault(device, directory)
    return [partial(require_disk, shown[device], needed[device]) for device in needed]


def require_disk(directory: Path, needed: int) -> str:
    """Return how much room is left on the disk that a directory is on, or will be on."""
    existing = _existing(directory)
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise PlatformError(
            f"{_gib(free)} are free on the disk of {existing} and {_gib(needed)} are needed: make room, "
            "clone to a larger disk, or choose another place with `make up HOME_DIR=/a/larger/disk`."
        )
    return f"{_gib(free)} of disk for {directory}"


def _existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.exists())


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
