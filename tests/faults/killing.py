"""Finding the servers of a test's own platform among its processes, and killing them the hard way."""

import os
import signal
from collections.abc import Callable

import psutil
from music_platform import processes

from tests.second_platform import SecondPlatform


def _supervised(platform: SecondPlatform, program: str) -> int:
    pids = {found.name: found.pid for found in platform.supervisor.programs()}
    pid = pids.get(program)
    assert pid is not None, f"{program} does not run; the supervisor knows {pids}"
    return pid


def _executor(platform: SecondPlatform) -> int:
    for process in processes.tree(_supervised(platform, "spark_worker")):
        try:
            if any("CoarseGrainedExecutorBackend" in word for word in process.cmdline()):
                return process.pid
        except psutil.Error:
            continue
    raise AssertionError("the worker has no executor")


def _driver_jvm(platform: SecondPlatform) -> int:
    for process in processes.tree(_supervised(platform, "spark_job")):
        if process.name() == "java":
            return process.pid
    raise AssertionError("the job has no JVM")


VICTIMS: dict[str, Callable[[SecondPlatform], int]] = {
    "driver": lambda platform: _supervised(platform, "spark_job"),
    "driver's JVM": _driver_jvm,
    "executor": _executor,
    "worker": lambda platform: _supervised(platform, "spark_worker"),
    "broker": lambda platform: _supervised(platform, "kafka"),
    "registry": lambda platform: _supervised(platform, "schema_registry"),
    "database": lambda platform: _supervised(platform, "postgres"),
}
"""What can be killed, and how its process is found."""


def kill(platform: SecondPlatform, victim: str) -> int:
    """Kill -9 one of VICTIMS; its former process id."""
    pid = VICTIMS[victim](platform)
    os.kill(pid, signal.SIGKILL)
    return pid
