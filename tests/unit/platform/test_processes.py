"""The local processes of an instance, seen through a real supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from music_platform.errors import PlatformError
from music_platform.hosts import processes
from music_platform.hosts.processes import Supervisor

from tests.waiting import wait_until

CONFIGURATION = """
[supervisord]
nodaemon=true
logfile={directory}/supervisord.log
pidfile={directory}/supervisord.pid
[unix_http_server]
file={directory}/supervisor.sock
[supervisorctl]
serverurl=unix://{directory}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:sleeper]
command=/bin/sh -c "sleep 1000 & wait"
environment=MUSIC_DATA_DIR="{directory}/data/sleeper"
startsecs=0
stopasgroup=true
killasgroup=true
[program:loser]
command=/bin/false
startsecs=1
startretries=0
autorestart=false
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(CONFIGURATION.format(directory=tmp_path))
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        supervisor = Supervisor(tmp_path / "supervisor.sock")
        try:
            wait_until(
                lambda: [program.state for program in supervisor.programs()] == ["fatal", "running"],
                limit_s=20,
                what="a program that runs beside one that was given up",
            )
            yield supervisor
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            processes.end(processes.belonging_to(tmp_path))


def test_a_running_program_is_shown_with_its_start_and_the_memory_of_its_whole_tree(
    supervisor: Supervisor,
) -> None:
    loser, sleeper = supervisor.programs()
    assert sleeper.runs and sleeper.since is not None and sleeper.pid is not None
    wait_until(lambda: len(processes.tree(sleeper.pid or 0)) == 2, 10, "the shell's child")
    shell, child = processes.tree(sleeper.pid)
    together = processes.resident(shell) + processes.resident(child)
    assert supervisor.programs()[1].memory == together > processes.resident(shell)
    assert not loser.runs and loser.memory == 0 and "Exited too quickly" in loser.explanation


def test_a_program_that_was_stopped_can_be_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(tmp_path / "supervisord.conf")]
    subprocess.run([*control, "stop", "sleeper"], check=True, capture_output=True)
    assert supervisor.programs()[1].state == "stopped"

    supervisor.start("sleeper")

    wait_until(lambda: supervisor.programs()[1].runs, 10, "a running sleeper")
    with pytest.raises(PlatformError, match=r"The supervisor refused startProcess.*ALREADY_STARTED"):
        supervisor.start("sleeper")


def test_processes_are_found_when_their_supervisor_was_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    pid = supervisor.pid()
    assert pid is not None
    orphan = supervisor.programs()[1].pid
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)

    assert supervisor.pid() is None
    assert supervisor.programs() == []
    left = processes.belonging_to(tmp_path)
    assert orphan in {process.pid for process in left}

    processes.end(left)

    assert processes.belonging_to(tmp_path) == []


def test_a_supervisor_that_lost_its_socket_is_found(supervisor: Supervisor, tmp_path: Path) -> None:
    pid = supervisor.pid()
    (tmp_path / "supervisor.sock").unlink()
    assert supervisor.processes() == []
    assert pid in {process.pid for process in processes.belonging_to(tmp_path)}
    assert processes.belonging_to(tmp_path / "other") == []


def test_a_supervisor_that_never_ran_has_no_programs(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "supervisor.sock")
    assert supervisor.pid() is None
    assert supervisor.programs() == []
    assert supervisor.processes() == []


def test_processes_of_another_directory_are_left_alone(tmp_path: Path) -> None:
    environment = {"MUSIC_DATA_DIR": f"{tmp_path}-other/data/kafka"}
    with subprocess.Popen(["/bin/sleep", "1000"], env=environment) as other:
        try:
            assert processes.belonging_to(tmp_path) == []
            found = processes.belonging_to(Path(f"{tmp_path}-other"))
            assert [process.pid for process in found] == [other.pid]
        finally:
            other.kill()
