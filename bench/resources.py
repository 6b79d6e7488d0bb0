"""What a platform uses: CPU seconds and memory of each component, read from the operating system."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from music_platform.hosts import processes

_LOOK_EVERY_S = 1.0
_COMPONENTS = {
    "kafka": "kafka",
    "postgres": "postgres",
    "spark_job": "spark",
    "spark_worker": "spark",
    "spark_master": "spark",
}
"""Supervised program -> component; what is not named here has no part in the work."""


@dataclass
class Usage:
    """What was used between two moments."""

    cpu_seconds: dict[str, float] = field(default_factory=dict)
    """Component -> user and system time of all its processes."""
    peak_bytes: int = 0
    """The largest sum of proportional set sizes (shared memory counted once) of all components."""


@contextmanager
def measured(supervisor: processes.Supervisor) -> Iterator[Usage]:
    """Measure what the programs of a supervisor use while the block runs; ready when it has ended."""
    usage = Usage()
    before = _cpu_seconds(supervisor)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            usage.peak_bytes = max(
                usage.peak_bytes, sum(processes.resident(process) for _, process in _all(supervisor))
            )

    watcher = threading.Thread(target=watch, name="memory")
    watcher.start()
    try:
        yield usage
    finally:
        ended.set()
        watcher.join()
    after = _cpu_seconds(supervisor)
    usage.cpu_seconds = {name: round(after[name] - before[name], 1) for name in after}


def _all(supervisor: processes.Supervisor) -> Iterator[tuple[str, psutil.Process]]:
    for program in supervisor.programs():
        component = _COMPONENTS.get(program.name)
        if component and program.pid:
            for process in processes.tree(program.pid):
                yield component, process


def _cpu_seconds(supervisor: processes.Supervisor) -> Counter[str]:
    seconds: Counter[str] = Counter()
    for component, process in _all(supervisor):
        seconds[component] += cpu_seconds(process)
    return seconds


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and of its children that have ended; 0 when it is gone."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.Error:
        return 0.0
