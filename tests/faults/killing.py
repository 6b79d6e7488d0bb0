"""Finding the servers of a test's own platform among its processes, and what can be done to them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from music_platform.hosts import processes

from tests.faults.scale import LONG
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until


def supervised(platform: SecondPlatform, program: str) -> int:
    """The process id of a supervised program, once it runs: it may be starting again after a kill."""

    def pid() -> int | None:
        return {found.name: found.pid for found in platform.supervisor.programs()}.get(program)

    return wait_until(lambda: pid() or 0, 60, f"{program} runs")


def _executor(platform: SecondPlatform) -> int:
    def pid() -> int:
        for process in processes.tree(supervised(platform, "spark_worker")):
            try:
                if any("CoarseGrainedExecutorBackend" in word for word in process.cmdline()):
                    return process.pid
            except psutil.Error:
                continue
        return 0

    return wait_until(pid, 120, "the worker has an executor")


def _driver_jvm(platform: SecondPlatform) -> int:
    def pid() -> int:
        for process in processes.tree(supervised(platform, "spark_job")):
            try:
                if process.name() == "java":
                    return process.pid
            except psutil.Error:
                continue
        return 0

    return wait_until(pid, 120, "the job has a JVM")


VICTIMS: dict[str, Callable[[SecondPlatform], int]] = {
    "driver": lambda platform: supervised(platform, "spark_job"),
    "driver's JVM": _driver_jvm,
    "executor": _executor,
    "worker": lambda platform: supervised(platform, "spark_worker"),
    "broker": lambda platform: supervised(platform, "kafka"),
    "registry": lambda platform: supervised(platform, "schema_registry"),
    "database": lambda platform: supervised(platform, "postgres"),
}
"""What can be killed, and how its process is found."""


def kill(platform: SecondPlatform, victim: str) -> int:
    """Kill -9 one of VICTIMS; its former process id."""
    return kill_together(platform, [victim])[0]


def kill_together(platform: SecondPlatform, victims: Sequence[str]) -> list[int]:
    """Kill -9 some of VICTIMS at one moment; their former process ids."""
    pids = [VICTIMS[victim](platform) for victim in victims]
    for pid in pids:
        # It may have died of the one before.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def control(platform: SecondPlatform, verb: str, program: str) -> None:
    """Start or stop a program by its supervisor, and wait for it."""
    supervisorctl = Path(sys.executable).parent / "supervisorctl"
    configuration = platform.instance_dir / "etc" / "supervisord.conf"
    ran = subprocess.run(
        [str(supervisorctl), "-c", str(configuration), verb, program], capture_output=True, text=True
    )
    assert "ERROR" not in ran.stdout, ran.stdout


@contextmanager
def stopped_job(platform: SecondPlatform) -> Iterator[None]:
    """The stream job does not run within."""
    control(platform, "stop", "spark_job")
    try:
        yield
    finally:
        control(platform, "start", "spark_job")


@contextmanager
def backlog(platform: SecondPlatform) -> Iterator[None]:
    """What is sent within waits for the job's start, in the long form; in the short one the job goes on."""
    if LONG:
        with stopped_job(platform):
            yield
    else:
        yield


@contextmanager
def paused(platform: SecondPlatform, program: str) -> Iterator[None]:
    """The program and all its children hang (SIGSTOP) within: they hold their connections and do nothing."""
    halted = processes.tree(supervised(platform, program))
    for process in halted:
        process.suspend()
    try:
        yield
    finally:
        for process in halted:
            process.resume()


def resident(platform: SecondPlatform) -> dict[str, int]:
    """Resident bytes of each program with its children."""
    return {program.name: program.memory for program in platform.supervisor.programs()}
