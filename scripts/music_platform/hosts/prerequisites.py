"""The programs that a machine must have, looked at with nothing but Python's own library.

`make up` asks here before it downloads anything, when there is no .venv yet:
python -m music_platform.hosts.prerequisites TERRAFORM ENVIRONMENT
"""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence

from music_platform.errors import PlatformError
from music_platform.hosts import java

# What required_version of terraform/local says; OpenTofu counts alike.
OLDEST_TERRAFORM = (1, 9)
# What the scripts of scripts/provision call, by the package that Debian, Ubuntu and Fedora have it in.
COMMANDS = {
    "bash": ("bash",),
    "coreutils": ("base64", "chown", "mktemp", "od", "stat", "timeout"),
    "gawk": ("awk",),
    "grep": ("grep",),
    "sed": ("sed",),
    "tar": ("tar",),
    "util-linux": ("flock", "setpriv"),
}


def require_terraform(binary: str) -> str:
    """Return name and version of Terraform or OpenTofu."""
    if shutil.which(binary) is None:
        raise PlatformError(
            f"The program {binary} was not found. Install Terraform {_dotted(OLDEST_TERRAFORM)} or newer "
            "and put it on the PATH, or use OpenTofu with `make up TF=tofu`."
        )
    version = version_of(binary)
    if version < OLDEST_TERRAFORM:
        raise PlatformError(
            f"{binary} has version {_dotted(version)}; {_dotted(OLDEST_TERRAFORM)} or newer is needed: "
            "install a newer Terraform, or use OpenTofu with `make up TF=tofu`."
        )
    return f"{binary.rpartition('/')[2]} {_dotted(version)}"


def version_of(binary: str) -> tuple[int, ...]:
    """Return the version of Terraform or OpenTofu; raise a PlatformError when it does not say one."""
    try:
        result = subprocess.run(
            [binary, "version", "-json"], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        # Warnings about the user's own configuration of Terraform may come first.
        number = json.loads(result.stdout[result.stdout.index("{") :])["terraform_version"]
        return tuple(int(part) for part in number.split("-")[0].split("."))
    except (OSError, ValueError, KeyError) as error:
        raise PlatformError(f"{binary} does not say its version ({error}): install it anew.") from error


def require_commands() -> str:
    """Return how many commands of the system were looked at; raise a PlatformError for missing ones."""
    missing = {
        package: absent
        for package, names in COMMANDS.items()
        if (absent := [name for name in names if shutil.which(name) is None])
    }
    if missing:
        names = ", ".join(name for absent in missing.values() for name in absent)
        raise PlatformError(
            f"These commands were not found: {names}. Install {', '.join(missing)} (Debian, Ubuntu: "
            f"apt-get install {' '.join(missing)})."
        )
    return f"{sum(map(len, COMMANDS.values()))} commands of the system"


def require_virtual_environments() -> str:
    """Say that this Python can make virtual environments, which Debian packs apart."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise PlatformError(
            f"{sys.executable} cannot make virtual environments: install what is missing (Debian, Ubuntu: "
            "apt-get install python3-venv), or name another Python with `make up PYTHON=python3.12`."
        )
    return "virtual environments"


def require_java() -> str:
    """Return the version of Java, or that one will be installed."""
    if java.will_be_installed():
        return "a JDK from apt-get"
    return f"Java {java.require()}"


def main(arguments: Sequence[str]) -> int:
    """Print, as sentences, all that is missing; return 1 when that is anything."""
    terraform, environment = arguments
    checks = [lambda: require_terraform(terraform), require_java, require_virtual_environments]
    if environment == "local":
        checks.append(require_commands)
    problems = []
    for check in checks:
        try:
            check()
        except PlatformError as problem:
            problems.append(str(problem))
    if problems:
        print("This machine is not ready; nothing was downloaded.", *problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
