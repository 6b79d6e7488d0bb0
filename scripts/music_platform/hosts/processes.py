"""The local processes of an instance, as their supervisor sees them."""

import xmlrpc.client
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from music_platform.errors import PlatformError
from music_platform.hosts.hosting import Program

# The settings of the provisioning scripts that name a directory of the instance.
_DIRECTORY_VARIABLES = frozenset({"MUSIC_CONFIG_DIR", "MUSIC_DATA_DIR"})


class Supervisor:
    """The supervisor that listens on a UNIX socket; every answer is fresh."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def pid(self) -> int | None:
        """Return the supervisor's process id, or None when it does not run."""
        try:
            return int(self._call("supervisor.getPID"))
        except OSError:
            return None

    def programs(self) -> list[Program]:
        """Return all programs in the order of their names; empty when the supervisor does not run."""
        try:
            entries = self._call("supervisor.getAllProcessInfo")
        except OSError:
            return []
        return sorted((_program(entry) for entry in entries), key=lambda program: program.name)

    def processes(self) -> list[psutil.Process]:
        """Return the supervisor and all that descends from it; empty when it does not run."""
        pid = self.pid()
        return tree(pid) if pid else []

    def start(self, name: str) -> None:
        """Start a program that is stopped or has been given up, without waiting for it."""
        self._call("supervisor.startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop a program that runs, and wait until it has ended."""
        self._call("supervisor.stopProcess", name)

    def _call(self, method: str, *arguments: Any) -> Any:
        if not self._socket.exists():
            raise FileNotFoundError(str(self._socket))
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        # The address is a formality of the protocol: the transport always talks to the socket.
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        call: Callable[..., Any] = getattr(proxy, method)
        try:
            return call(*arguments)
        except xmlrpc.client.Fault as fault:
            raise PlatformError(
                f"The supervisor refused {method.split('.')[-1]}{arguments}: {fault.faultString}."
            ) from fault
        finally:
            transport.close()


def _program(entry: dict[str, Any]) -> Program:
    group, name, pid = entry["group"], entry["name"], entry["pid"] or None
    running = entry["statename"] == "RUNNING"
    return Program(
        name=name if group == name else f"{group}:{name}",
        state=entry["statename"].lower(),
        pid=pid,
        since=datetime.fromtimestamp(entry["start"], UTC) if running else None,
        memory=sum(resident(process) for process in tree(pid)) if pid else 0,
        explanation="" if running else entry["spawnerr"] or entry["description"],
    )


def belonging_to(directory: Path) -> list[psutil.Process]:
    """Return the processes that an instance's provisioning started, even those whose supervisor was killed.

    They are known by what they inherited: settings that point into the instance's directory. PostgreSQL
    writes over its environment, but works in its data directory. A supervisor, which may have lost its
    socket, has its configuration there.
    """
    return [process for process in psutil.process_iter() if _belongs(process, directory)]


def _belongs(process: psutil.Process, directory: Path) -> bool:
    try:
        places = [value for name, value in process.environ().items() if name in _DIRECTORY_VARIABLES]
        if process.name() == "postgres":
            places.append(process.cwd())
        words = process.cmdline()
        if any(word.endswith(("/supervisord", "supervisor.supervisord")) for word in words):
            places += [following for word, following in pairwise(words) if word == "-c"]
    except (psutil.Error, OSError):
        return False
    return any(Path(place).is_relative_to(directory) for place in places)


def end(processes: Sequence[psutil.Process], limit_s: float = 15) -> None:
    """End processes: ask, wait, and kill what does not listen; one that has ended already is no problem."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=limit_s)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=limit_s)


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants; empty when it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def resident(process: psutil.Process) -> int:
    """Return the resident bytes of a process, 0 when it has just ended.

    What processes share is divided among them: PostgreSQL's many have one buffer cache together, which a sum
    over their resident set sizes would count for each.
    """
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
