"""Containers that somebody else starts on the same engine, and clients with wrong papers."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.docker import engine
from tests.second_platform import SecondPlatform

ANSWER_LIMIT_S = 30


def network(platform: SecondPlatform) -> str:
    """The network of the platform's own containers."""
    return f"music-{platform.name}"


def image(platform: SecondPlatform, stage: str) -> str:
    """The image of a stage that the platform was started from."""
    label = f"label=music-platform.name={platform.name}"
    listed = engine.docker("image", "ls", "--filter", label, "--format", "{{.Repository}}:{{.Tag}}").split()
    (found,) = (name for name in listed if name.startswith(f"music-{platform.name}/{stage}:"))
    return found


@contextmanager
def other_network(platform: SecondPlatform) -> Iterator[str]:
    """A network of the engine that the platform's containers are not in."""
    name = f"music-{platform.name}-others"
    engine.docker("network", "create", name)
    try:
        yield name
    finally:
        engine.docker("network", "rm", name)


def runs(platform: SecondPlatform, network_name: str, command: str, **settings: str) -> bool:
    """Whether a line of bash succeeds in a container of the base system in a network."""
    environment = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    words = ["docker", "run", "--rm", "--network", network_name, *environment]
    words += ["--entrypoint", "bash", image(platform, "certificates"), "-c", command]
    return subprocess.run(words, capture_output=True, timeout=120).returncode == 0


def resolves(platform: SecondPlatform, network_name: str, host: str) -> bool:
    """Whether a name is known to a container in a network."""
    return runs(platform, network_name, 'getent hosts "$HOST_NAME"', HOST_NAME=host)


def connects(platform: SecondPlatform, network_name: str, host: str, port: int) -> bool:
    """Whether a container in a network gets a TCP connection."""
    # A packet that is dropped has no answer.
    attempt = 'timeout 10 bash -c "exec 3<>/dev/tcp/$HOST_NAME/$PORT"'
    return runs(platform, network_name, attempt, HOST_NAME=host, PORT=str(port))


def address(platform: SecondPlatform, service: str) -> str:
    """The address of a service's container in the platform's network."""
    container = engine.containers(platform.name)[service]
    networks: Mapping[str, Mapping[str, str]] = container["NetworkSettings"]["Networks"]
    return networks[network(platform)]["IPAddress"]
