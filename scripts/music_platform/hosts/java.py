"""Finds the Java that Kafka and Spark will run on, and installs one where that is the machine's custom."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from music_platform.errors import PlatformError

OLDEST = 17
# Spark's launcher adds this module; runtimes that were cut down to size lack it.
NEEDED_MODULE = "jdk.incubator.vector"
DEBIAN_PACKAGES = ("openjdk-21-jre-headless", "openjdk-17-jre-headless", "openjdk-25-jre-headless")
REMEDY = (
    f"Install a JDK of version {OLDEST} or newer (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; "
    "Fedora: dnf install java-21-openjdk-headless), or point JAVA_HOME to one."
)


def find() -> Path | None:
    """Return the java program that will be used: that of JAVA_HOME, else the first on the PATH."""
    home = os.environ.get("JAVA_HOME")
    if home:
        program = Path(home) / "bin" / "java"
        return program if os.access(program, os.X_OK) else None
    found = shutil.which("java")
    return Path(found) if found else None


def require() -> str:
    """Return the version of a Java that fits; raise a PlatformError with the remedy otherwise."""
    program = find()
    if program is None:
        home = os.environ.get("JAVA_HOME")
        where = f"JAVA_HOME ({home}) holds no bin/java" if home else "There is no java on the PATH"
        raise PlatformError(f"{where}. {REMEDY}")
    version = version_in(_ask(program, "-version"))
    if version is None:
        raise PlatformError(f"{program} does not say its version. {REMEDY}")
    if int(version.split(".")[0]) < OLDEST:
        raise PlatformError(f"{program} is Java {version}, which is too old. {REMEDY}")
    if NEEDED_MODULE not in _ask(program, "--list-modules"):
        raise PlatformError(
            f"{program} (Java {version}) lacks the module {NEEDED_MODULE} that Spark needs. {REMEDY}"
        )
    return version


def version_in(text: str) -> str | None:
    """Return the version that `java -version` printed, or None; Java 8 calls itself 1.8."""
    match = re.search(r'version "(?:1\.)?(\d+[\d.]*)', text)
    return match.group(1) if match else None


def will_be_installed() -> bool:
    """Say whether there is no Java and a start installs one."""
    return find() is None and can_be_installed()


def can_be_installed() -> bool:
    """Say whether this is root on Debian or Ubuntu, where apt-get can install a missing JDK unasked."""
    return os.geteuid() == 0 and "JAVA_HOME" not in os.environ and shutil.which("apt-get") is not None


def install() -> str:
    """Install the first known JDK package that this release of Debian or Ubuntu offers; return its name."""
    _apt("apt-get", "update", "-qq")
    for package in DEBIAN_PACKAGES:
        # `apt-cache show` knows packages too that others only mention; madison lists what can be had.
        if _run("apt-cache", "madison", package).stdout.strip():
            _apt("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
            return package
    raise PlatformError(f"apt-get offers none of {', '.join(DEBIAN_PACKAGES)}. {REMEDY}")


def _apt(*command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise PlatformError(f"`{' '.join(command)}` failed: {last}. {REMEDY}")


def _ask(program: Path, option: str) -> str:
    try:
        answer = _run(str(program), option)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PlatformError(f"{program} cannot be run ({error}). {REMEDY}") from error
    return answer.stdout + answer.stderr


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
