"""The commands of a user on a platform that runs."""

import os
import re
import signal
import time

import psutil
import pytest

from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

# What a second `make up` may take.
SECOND_START_LIMIT_S = 60


def test_the_smoke_test_passes(platform: SecondPlatform) -> None:
    result = platform.run("smoke")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\d+ passed", result.stdout)
    print(result.stdout)


def test_a_second_start_changes_nothing_and_is_quick(platform: SecondPlatform) -> None:
    before = {program.name: program.pid for program in platform.supervisor.programs()}
    began = time.monotonic()
    result = platform.run("up")
    took = time.monotonic() - began
    assert result.returncode == 0, result.stderr
    assert "nothing to change" in result.stdout
    assert {program.name: program.pid for program in platform.supervisor.programs()} == before
    assert took < SECOND_START_LIMIT_S
    print(f"the second start took {took:.1f} s")


def test_the_status_names_every_component_and_its_memory(platform: SecondPlatform) -> None:
    result = platform.run("status")
    assert result.returncode == 0, result.stdout + result.stderr
    for program in platform.supervisor.programs():
        assert re.search(rf"^{re.escape(program.name)} +running .* MiB", result.stdout, re.MULTILINE)
    assert "records behind" in result.stdout
    print(result.stdout)


def test_the_outputs_hold_every_address(platform: SecondPlatform) -> None:
    expected = {
        "kafka_bootstrap_servers",
        "schema_registry_url",
        "spark_master_url",
        "spark_ui_url",
        "postgres_host",
        "postgres_port",
        "postgres_database",
        "postgres_dsn",
        "postgres_readonly_dsn",
    }
    assert expected <= set(platform.outputs)


def test_a_start_brings_everything_back_after_the_supervisor_was_killed(platform: SecondPlatform) -> None:
    supervisor = platform.supervisor.pid()
    assert supervisor is not None
    old = platform.supervisor.processes()
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(supervisor), 10, "the end of the supervisor")
    assert platform.run("status").returncode != 0

    result = platform.run("up")

    assert result.returncode == 0, result.stdout + result.stderr
    programs = platform.supervisor.programs()
    assert programs and all(program.runs for program in programs), programs
    assert not {process.pid for process in old if process.is_running()} & {
        program.pid for program in programs
    }
    assert platform.run("status").returncode == 0
