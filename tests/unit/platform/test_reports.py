"""What people read: progress of Terraform, the status, tables."""

from datetime import UTC, datetime, timedelta

import pytest
from music_platform.commands import status
from music_platform.console import table
from music_platform.console.progress import Progress
from music_platform.deployment.applying import ApplyProgress
from music_platform.deployment.terraform import Event
from music_platform.hosts.hosting import Program

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BROKER = "module.kafka.terraform_data.deploy"


def test_progress_names_the_component_once_and_leaves_out_the_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hear = ApplyProgress(Progress(clock=iter([0.0, 1.0, 5.0]).__next__))
    hear(Event("planned_change", BROKER))
    hear(Event("apply_start", BROKER, "create"))
    hear(Event("provision_progress", BROKER, text='Executing: ["/bin/sh" "-c" "kafka.sh install"]'))
    hear(Event("provision_progress", BROKER, text="kafka: formatting the storage"))
    hear(Event("provision_progress", BROKER, text="no prefix of its own"))
    hear(Event("apply_complete", BROKER, "create"))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "kafka: formatting the storage",
        "kafka: no prefix of its own",
        "kafka: done after 4 s",
    ]
    assert hear.changes == 1


def test_the_status_shows_each_program_and_their_memory_together() -> None:
    programs = [
        Program("kafka", "running", 7, NOW - timedelta(minutes=90), 500 * 2**20, ""),
        Program("postgres", "fatal", None, None, 0, "Exited too quickly"),
    ]
    lines = status.describe_programs(programs, NOW)
    assert lines[1].split() == [
        "kafka",
        "running",
        "2026-11-23",
        "10:30:00",
        "1",
        "h",
        "30",
        "min",
        "500",
        "MiB",
    ]
    assert lines[2].split() == ["postgres", "fatal", "-", "-", "-", "Exited", "too", "quickly"]
    assert lines[3].split() == ["together", "500", "MiB"]


def test_a_stream_that_has_read_nothing_yet_is_described_as_such() -> None:
    assert status.describe_stream([], NOW) == ["The stream has not finished a batch yet."]


def test_a_stream_is_described_by_its_lag_its_speed_and_its_watermark() -> None:
    health = {
        "query": "music",
        "lag_records": 1234,
        "input_rows_per_second": 200.4,
        "last_batch_at": NOW - timedelta(seconds=3),
        "batch_ms": 2500,
        "watermark": None,
        "late_events": None,
        "dead_letters": 2,
        "early_events": 5,
        "audited_at": NOW - timedelta(seconds=20),
        "started_at": NOW - timedelta(hours=1),
        "imbalances": 0,
    }
    first, second, third = status.describe_stream([health], NOW)
    assert first == "stream music: 1,234 records behind, 200 records/s, last batch 3 s ago in 2.5 s"
    assert second.strip() == "watermark none yet, late events 0, dead letters 2, from clocks ahead 5"
    assert third.strip() == "books audited 20 s ago: all balanced"


@pytest.mark.parametrize(
    ("audited_s_ago", "started_s_ago", "is_silent"),
    [(20, 3600, False), (121, 3600, True), (3600, 20, False), (None, 20, False), (None, 121, True)],
)
def test_an_audit_that_looked_at_nothing_for_two_minutes_since_the_start_is_silent(
    audited_s_ago: int | None, started_s_ago: int, is_silent: bool
) -> None:
    audited_at = None if audited_s_ago is None else NOW - timedelta(seconds=audited_s_ago)
    query = {"audited_at": audited_at, "started_at": NOW - timedelta(seconds=started_s_ago)}
    assert status.audit_is_silent(query, NOW) is is_silent


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (61, "1 min"), (7500, "2 h 5 min"), (90_000, "1 d 1 h")],
)
def test_a_span_is_told_as_people_say_it(seconds: float, text: str) -> None:
    assert table.duration(seconds) == text


def test_numbers_stand_at_the_right_and_nothing_is_a_dash() -> None:
    lines = table.rows(("name", "plays"), [("a", 1000), ("long name", None), ("b", 7)], indent="")
    assert lines == ["name       plays", "a          1,000", "long name      -", "b              7"]


def test_columns_stay_aligned_after_east_asian_names() -> None:
    lines = table.rows(("artist", "city"), [("静 白", "Lima"), ("Ada", "Oslo")], indent="")
    assert lines == ["artist  city", "静 白   Lima", "Ada     Oslo"]


def test_a_table_without_rows_is_its_header() -> None:
    assert table.rows(("name", "plays"), []) == ["  name  plays"]
