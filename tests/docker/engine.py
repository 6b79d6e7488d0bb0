"""What the engine has of a platform."""

import json
import subprocess
from typing import Any

# Each kind of things in the engine, and what names one of them.
_KINDS = {
    ("ps", "--all"): "{{.Names}}",
    ("network", "ls"): "{{.Name}}",
    ("volume", "ls"): "{{.Name}}",
    ("image", "ls"): "{{.Repository}}:{{.Tag}}",
}


def docker(*arguments: str) -> str:
    """Run a command of the docker client; return its output."""
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def everything_of(name: str) -> list[str]:
    """Every container, network, volume and image that a platform has in the engine, by label and by name."""
    found = set()
    for kind, form in _KINDS.items():
        labelled = docker(*kind, "--format", form, "--filter", f"label={_label(name)}").split()
        named = [each for each in docker(*kind, "--format", form).split() if _is_of(name, each)]
        found |= {f"{kind[0]} {each}" for each in (*labelled, *named)}
    return sorted(found)


def _label(name: str) -> str:
    return f"music-platform.name={name}"


def _is_of(name: str, thing: str) -> bool:
    own = f"music-{name}"
    return thing == own or thing.startswith((f"{own}-", f"{own}/"))


def images(name: str) -> dict[str, str]:
    """The newest image of each target of the Dockerfile that a platform was made of."""
    form = "{{.Repository}} {{.ID}}"
    filters = ["--filter", f"label={_label(name)}", "--filter", "dangling=false"]
    lines = docker("image", "ls", "--format", form, *filters).splitlines()
    # The engine lists the newest first.
    return {line.split()[0].rpartition("/")[2]: line.split()[1] for line in reversed(lines)}


def read(image: str, file: str) -> str:
    """What a file of an image holds."""
    return docker("run", "--rm", "--network", "none", "--entrypoint", "cat", image, file)


def containers(name: str) -> dict[str, dict[str, Any]]:
    """All that the engine says of a platform's containers, by the service that they are."""
    filters = ["--filter", f"label={_label(name)}", "--filter", "label=music-platform.service"]
    identities = docker("ps", "--all", "--quiet", "--no-trunc", *filters).split()
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


def leave_behind(name: str, service: str) -> None:
    """Leave what a killed apply leaves: a container with the network and a volume, unknown to Terraform."""
    options = ["--detach", "--network", f"music-{name}", "--name", f"music-{name}-left-behind"]
    options += ["--volume", f"{container(name, service)}:/var/lib/music-platform", "--entrypoint", "tail"]
    docker("run", *options, containers(name)[service]["Image"], "--follow", "/dev/null")
