"""TCP ports of this machine: which are taken, and by whom."""

import errno
import socket
from collections.abc import Collection, Mapping
from contextlib import suppress

import psutil

from music_platform.errors import PlatformError

OFFSET_STEP = 100


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that lingers from an earlier run is no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def listener(port: int) -> psutil.Process | None:
    """Return the process that listens on the port, when this user may know it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        if not connection.laddr or connection.laddr.port != port or connection.status != psutil.CONN_LISTEN:
            continue
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(connection.pid) if connection.pid else None
    return None


def require(ports: Mapping[str, int], *, ours: Collection[int] = ()) -> str:
    """Say which ports are used when each is free or held by one of ours; raise a PlatformError otherwise."""
    too_high = {use: port for use, port in ports.items() if port > 65535}
    if too_high:
        use, port = next(iter(too_high.items()))
        raise PlatformError(f"The port of {use} would be {port}, above 65535: choose a smaller PORT_OFFSET.")
    problems = [problem for use, port in ports.items() if (problem := _problem(use, port, ours))]
    if problems:
        remedy = f"Stop what holds it, or move all ports with `make up PORT_OFFSET={OFFSET_STEP}`."
        raise PlatformError("\n".join([*problems, remedy]))
    return f"{len(ports)} ports from {min(ports.values())} to {max(ports.values())}"


def _problem(use: str, port: int, ours: Collection[int]) -> str | None:
    if is_free(port):
        return None
    process = listener(port)
    if process is None:
        return f"Port {port} ({use}) is taken by a process that this user cannot see."
    if process.pid in ours:
        return None
    return f"Port {port} ({use}) is taken by {name_of(process)} (process {process.pid})."


def name_of(process: psutil.Process) -> str:
    """Return a name that a person recognizes: a Java process is called by its main class, not java."""
    try:
        words = process.cmdline()
        if process.name() == "java":
            classes = [word for word in words[1:] if "." in word and "/" not in word and word[0] != "-"]
            return classes[0] if classes else "java"
        return str(process.name())
    except psutil.Error:
        return "a process that has just ended"
