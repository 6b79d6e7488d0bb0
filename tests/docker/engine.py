"""What the engine has of a platform."""

import json
import subprocess
from typing import Any


def docker(*arguments: str) -> str:
    """Run a command of the docker client; return its output."""
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def everything_of(name: str) -> list[str]:
    """Every container, network, volume and image that a platform has in the engine."""
    label = f"label=music-platform.name={name}"
    found = []
    for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"], ["image", "ls"]):
        found += [f"{kind[0]} {line}" for line in docker(*kind, "--quiet", "--filter", label).split()]
    return found


def containers(name: str) -> dict[str, dict[str, Any]]:
    """All that the engine says of a platform's containers, by the service that they are."""
    label = f"label=music-platform.name={name}"
    identities = docker("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
    found = json.loads(docker("inspect", *identities)) if identities else []
    return {entry["Config"]["Labels"]["music-platform.service"]: entry for entry in found}


def container(name: str, service: str) -> str:
    """The name of a service's container."""
    return f"music-{name}-{service.replace('_', '-')}"


def kill(name: str, service: str) -> None:
    """Kill -9 every process of a container's server, which ends the container.

    The engine's own `kill` would count as a wish not to start it again.
    """
    # All that this user may signal but the shell itself; with them the shell ends, too.
    subprocess.run(
        ["docker", "exec", container(name, service), "bash", "-c", "kill -9 -1"],
        capture_output=True,
        timeout=120,
    )
