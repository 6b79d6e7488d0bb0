"""Containers of a Docker engine, known by the labels that Terraform gives them."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from music_platform.console.progress import Progress
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting, ports, preflight
from music_platform.hosts.hosting import Check, Program

SERVICE_LABEL = "music-platform.service"
# A stopped engine answers at once; one that is busy with a large image may take a while.
ANSWER_LIMIT_S = 60
# The processor's time as a quota: the engine refuses a limit in cores where the machine has fewer. Without a
# log: what goes through is the data, which the engine would write to its own disk as well.
_COPYING_LIMITS = ["--memory", "256m", "--memory-swap", "256m", "--log-driver", "none"]
_COPYING_LIMITS += ["--cpu-period", "100000", "--cpu-quota", "200000"]
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class ContainerHost:
    """The containers and volumes of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._label = f"music-platform.name={instance.name}"

    def checks(self, wanted_ports: Mapping[str, int]) -> Sequence[Check]:
        """Return the checks of the engine, and unless the platform is there already, of memory and ports."""
        first = [] if self._is_there() else [preflight.require_memory, lambda: ports.require(wanted_ports)]
        return [require_engine, *first]

    def programs(self) -> list[Program]:
        """Return the containers in the order of their names."""
        containers = self._containers()
        memory = _memory([str(container["Id"]) for container in containers if container["State"]["Running"]])
        found = (_program(container, memory) for container in containers)
        return sorted(found, key=lambda program: program.name)

    def before_apply(self, progress: Progress) -> None:
        """Do nothing: the engine starts containers again by itself."""

    def after_apply(self, progress: Progress) -> None:
        """Say how large the images are; start the containers that somebody stopped."""
        progress.detail(f"images: {', '.join(self._images())}")
        for container in self._containers():
            if container["State"]["Status"] in ("exited", "created"):
                name = _service(container)
                progress.detail(f"starting {name} again, it was {container['State']['Status']}")
                docker("start", container["Id"])

    def before_destroy(self) -> None:
        """Remove containers that Terraform does not know: they would hold its network and its volumes.

        A command that was killed leaves such: servers that it had not noted yet, and tasks under way.
        """
        known = self._instance.terraform().identities("docker_container")
        for identity in self._own("ps", "--all", "--no-trunc"):
            if identity not in known:
                docker("rm", "--force", identity)

    def after_destroy(self) -> None:
        """Remove networks and images that Terraform did not know, for the same reason."""
        for network in self._own("network", "ls"):
            docker("network", "rm", network)
        for image in dict.fromkeys(self._own("image", "ls")):
            docker("image", "rm", "--force", image)

    def _own(self, *listing: str) -> list[str]:
        """Return the ids of what is of this platform, not of one of the same name that has another home."""
        labels = (self._label, f"music-platform.home={self._instance.home}")
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        return docker(*listing, "--quiet", *filters).split()

    def stop(self, name: str) -> None:
        """Stop a container, and wait until it has ended."""
        docker("stop", self._container(name)["Id"])

    def start(self, name: str) -> None:
        """Start a container that was stopped, without waiting for it."""
        docker("start", self._container(name)["Id"])

    def pack(self, name: str, file: Path) -> None:
        """Write what a stopped container has in its volume to a compressed archive."""
        with file.open("wb") as target:
            self._with_data(name, "ro", "tar -c -- * | gzip -1", stdout=target)

    def unpack(self, name: str, file: Path) -> None:
        """Put an archive in the place of what a stopped container has in its volume."""
        # What is there goes once all of the archive lies beside it.
        command = """rm -rf .restored && mkdir .restored && tar -xz -C .restored
            find . -mindepth 1 -maxdepth 1 ! -name .restored -exec rm -rf {} +
            mv .restored/* . && rmdir .restored"""
        with file.open("rb") as source:
            self._with_data(name, "rw", command, stdin=source)

    def _with_data(self, name: str, access: str, command: str, **streams: Any) -> None:
        """Run a shell in the data of a container, with the container's own image and user."""
        container = self._container(name)
        volume = container["Name"].removeprefix("/")
        options = ["--rm", "--interactive", "--network", "none", "--read-only", "--cap-drop", "ALL"]
        options += ["--security-opt", "no-new-privileges", *_COPYING_LIMITS]
        options += ["--volume", f"{volume}:/data:{access}", "--workdir", "/data", "--entrypoint", "bash"]
        shell = ["-euo", "pipefail", "-c", command]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams}
        result = subprocess.run(
            ["docker", "run", *options, container["Image"], *shell], stderr=subprocess.PIPE, **streams
        )
        if result.returncode:
            problem = result.stderr.decode(errors="replace").strip()
            raise PlatformError(f"The data of {name} could not be copied: {problem}")

    def _container(self, name: str) -> dict[str, Any]:
        found = {_service(container): container for container in self._containers()}
        if name not in found:
            raise PlatformError(f"There is no container of {name}: `make up ENV=docker` makes it.")
        return found[name]

    def remove_data(self) -> int:
        """Remove the volumes; their size is the engine's business."""
        volumes = docker("volume", "ls", "--quiet", "--filter", f"label={self._label}").split()
        if volumes:
            docker("volume", "rm", *volumes)
        return 0

    def where_the_data_is(self) -> str:
        """Say where the data stays after `make down`."""
        return f"the volumes with the label {self._label} (docker volume ls)"

    def what_stays(self) -> str:
        """Say what `make destroy` leaves for the next start."""
        return "The engine's cache of image layers stays"

    def last_words(self, name: str, count: int) -> list[str]:
        """Return the last lines of a container's log."""
        found = (each for each in self._containers() if _service(each) == name)
        return [line for each in found for line in _log(each["Id"], count)]

    def show_logs(self, component: str | None, lines: int, *, follow: bool) -> None:
        """Print the ends of the containers' logs."""
        identities = {_service(container): str(container["Id"]) for container in self._containers()}
        if not identities:
            raise PlatformError("There are no containers of this platform: was it started?")
        names = hosting.chosen(list(identities), component)
        for name in names:
            click.echo(click.style(f"== {name}", bold=True))
            for line in _log(identities[name], lines):
                click.echo(line)
        if follow:
            _follow({name: identities[name] for name in names})

    def _images(self) -> list[str]:
        """Return the name and the size of every image; layers that several share count for each."""
        form = "{{.Repository}} {{.Size}}"
        lines = docker("image", "ls", "--filter", f"label={self._label}", "--format", form).splitlines()
        return sorted(line.rpartition("/")[2] for line in lines)

    def _is_there(self) -> bool:
        return shutil.which("docker") is not None and bool(self._identities())

    def _identities(self) -> list[str]:
        # Tasks that end by themselves have no label of a service.
        filters = ["--filter", f"label={self._label}", "--filter", f"label={SERVICE_LABEL}"]
        return docker("ps", "--all", "--quiet", "--no-trunc", *filters).split()

    def _containers(self) -> list[dict[str, Any]]:
        identities = self._identities()
        return list(json.loads(docker("inspect", *identities))) if identities else []


def require_engine() -> str:
    """Return the engine's version; raise a PlatformError when there is none that answers."""
    if shutil.which("docker") is None:
        raise PlatformError(
            "The program docker was not found: install a Docker engine of version 20.10 or newer (Debian: "
            "apt-get install docker.io), or use ENV=local, which needs none."
        )
    return f"Docker {docker('version', '--format', '{{.Server.Version}}').strip()}"


def docker(*arguments: str) -> str:
    """Run a command of the docker client; return its output."""
    try:
        result = subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise PlatformError(
            f"The Docker engine does not answer within {ANSWER_LIMIT_S} s: restart it."
        ) from None
    if result.returncode:
        raise PlatformError(f"docker {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout


def _service(container: Mapping[str, Any]) -> str:
    return str(container["Config"]["Labels"][SERVICE_LABEL])


def _program(container: Mapping[str, Any], memory: Mapping[str, int]) -> Program:
    state = container["State"]
    health = state.get("Health", {}).get("Status", "")
    restarts = int(container["RestartCount"])
    words = [f"health: {health}"] if health not in ("", "healthy") else []
    words += [f"ended {restarts} times and was started again"] if restarts else []
    # Nanoseconds, which Python does not read.
    started = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", state["StartedAt"]))
    return Program(
        name=_service(container),
        state=str(state["Status"]),
        pid=int(state["Pid"]) or None,
        since=started if state["Running"] else None,
        memory=memory.get(str(container["Id"]), 0),
        explanation=", ".join(words),
    )


def _memory(identities: Sequence[str]) -> dict[str, int]:
    """Bytes that each container uses, without the files that it has read."""
    if not identities:
        return {}
    lines = docker("stats", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.MemUsage}}", *identities)
    found = {}
    for identity, _, usage in (line.partition(" ") for line in lines.splitlines()):
        match = re.match(r"([\d.]+)(\w+)", usage)
        if match:
            found[identity] = int(float(match[1]) * _UNITS.get(match[2], 0))
    return found


def _log(identity: str, count: int) -> list[str]:
    command = ["docker", "logs", "--tail", str(count), identity]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return result.stdout.splitlines()


def _follow(identities: Mapping[str, str]) -> None:
    """Print what is added to the logs until Ctrl-C ends the clients, too."""
    followers = {
        name: subprocess.Popen(
            ["docker", "logs", "--follow", "--tail", "0", identity],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        for name, identity in identities.items()
    }
    threads = [threading.Thread(target=_print, args=follower) for follower in followers.items()]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        for follower in followers.values():
            follower.terminate()


def _print(name: str, follower: "subprocess.Popen[str]") -> None:
    assert follower.stdout is not None
    for line in follower.stdout:
        click.echo(f"{name} | {line.rstrip()}")
