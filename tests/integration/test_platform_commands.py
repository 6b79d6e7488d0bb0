"""The commands of a user on a platform that runs."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from music_contract import topics

from tests import audit, backups, stand_ins
from tests.second_platform import CHECKOUT, SecondPlatform, complete, free_of_make
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

# What a second `make up` may take.
SECOND_START_LIMIT_S = 60


def test_the_smoke_test_passes(platform: SecondPlatform) -> None:
    result = platform.run("smoke")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\d+ passed", result.stdout)
    print(result.stdout)


def test_the_validation_finds_nothing_while_the_stream_runs(platform: SecondPlatform) -> None:
    result = platform.run("validate")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "conservation" in result.stdout
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


def test_one_setting_restarts_one_component(platform: SecondPlatform) -> None:
    before = {program.name: program.pid for program in platform.supervisor.programs()}
    result = platform.run("up", "TRIGGER_INTERVAL=300 milliseconds")
    assert result.returncode == 0, result.stdout + result.stderr
    after = {program.name: program.pid for program in platform.supervisor.programs()}
    assert set(after) == set(before)
    assert {name for name in after if after[name] != before[name]} == {"spark_job"}


def test_a_start_with_opentofu_calls_that_and_no_terraform(platform: SecondPlatform, tmp_path: Path) -> None:
    real = shutil.which("terraform") or shutil.which("tofu")
    stand_ins.program(tmp_path, "tofu", f'echo "$1" >>{tmp_path}/calls; exec {real} "$@"')
    stand_ins.program(tmp_path, "terraform", f"echo terraform >>{tmp_path}/calls; exit 1")

    environment = {**free_of_make(), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    result = complete(["make", "up", "TF=tofu", *platform.words], CHECKOUT, environment)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "nothing to change" in result.stdout
    assert set((tmp_path / "calls").read_text().split()) == {"version", "init", "apply", "output"}


@contextmanager
def topic_settings(platform: SecondPlatform, **fields: int) -> Iterator[None]:
    """Write settings of the dead letters' topic into the kept ones, and take them back in the end."""
    file = platform.instance.settings_file
    former = file.read_text()
    kafka = {"topics": {topics.DEAD_LETTERS: fields}}
    file.write_text(json.dumps({**json.loads(former), "kafka": kafka}))
    try:
        yield
    finally:
        file.write_text(former)
        restored = platform.run("up")
        assert restored.returncode == 0, restored.stderr


def retention(platform: SecondPlatform) -> int:
    """How long the broker keeps dead letters, in milliseconds."""
    resource = ConfigResource(ConfigResource.Type.TOPIC, topics.DEAD_LETTERS)
    client = AdminClient(platform.kafka_client)  # an answer ends with its client
    [answer] = client.describe_configs([resource]).values()
    return int(answer.result(timeout=30)["retention.ms"].value)


def test_a_changed_retention_reaches_the_topic_and_no_server_is_restarted(platform: SecondPlatform) -> None:
    before = {program.name: program.pid for program in platform.supervisor.programs()}
    with topic_settings(platform, retention_ms=86_400_000):
        # Words that are kept too must leave it where it is.
        for words in (["RATE=0"], []):
            result = platform.run("up", *words)
            assert result.returncode == 0, result.stdout + result.stderr
            assert retention(platform) == 86_400_000
    assert retention(platform) == topics.TOPICS[topics.DEAD_LETTERS].retention_ms
    assert {program.name: program.pid for program in platform.supervisor.programs()} == before


def test_a_topic_that_would_lose_partitions_is_refused_with_a_sentence(platform: SecondPlatform) -> None:
    before = {program.name: program.pid for program in platform.supervisor.programs()}
    with topic_settings(platform, partitions=2):
        result = platform.run("up")
    assert result.returncode == 1
    assert f"{topics.DEAD_LETTERS} has 3 partitions and cannot shrink to 2" in result.stderr
    assert {program.name: program.pid for program in platform.supervisor.programs()} == before


def test_a_window_that_does_not_divide_a_day_stops_nothing_and_is_not_kept(platform: SecondPlatform) -> None:
    before = {program.name: program.pid for program in platform.supervisor.programs()}
    file = platform.instance.settings_file
    former = file.read_text()
    file.write_text(json.dumps({**json.loads(former), "spark": {"windows": {"content": "7 minutes"}}}))
    try:
        written = file.read_text()
        result = platform.run("up", "RATE=5")
        assert result.returncode == 1
        assert "A window's length must divide a day into equal parts" in result.stderr
        assert file.read_text() == written
    finally:
        file.write_text(former)
    assert {program.name: program.pid for program in platform.supervisor.programs()} == before


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


def noted(platform: SecondPlatform) -> list[str]:
    """What the stream has noted of itself, while PostgreSQL answers."""
    try:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute("SELECT detail FROM ops.query_events ORDER BY id")
            return [detail for (detail,) in cursor.fetchall()]
    except psycopg2.OperationalError:
        return []


def test_a_restore_brings_back_what_was_there_at_the_backup_and_the_stream_starts_from_it(
    platform: SecondPlatform,
) -> None:
    file = backups.make(platform)
    before = wait_until(lambda: noted(platform), 60, "PostgreSQL answers after the backup")
    backups.mark(platform)
    assert backups.MARK in noted(platform)

    restored = platform.run("restore", f"FILE={file}", "FORCE=1")

    assert restored.returncode == 0, restored.stdout + restored.stderr
    after = wait_until(
        lambda: (rows := noted(platform))[len(before) :] and rows, 180, "the start of the stream is noted"
    )
    assert backups.MARK not in after
    assert platform.run("status").returncode == 0
