"""`make validate` finds nothing in a sound warehouse, and each planted defect by the check meant for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from music_platform.commands import validation
from music_platform.deployment.warehouse import Connection

from tests import queries, rollups
from tests.database import Database
from tests.queries import Case
from tests.stream import Stream

CHECKOUT = Path(__file__).parents[2]
CHECKS = {check.name: check for check in validation.checks(CHECKOUT)}

SOUND = Case(
    query="",
    name="",
    dimensions={
        "users": [
            {"user_id": "user-a", "subscription": "free"},
            {"user_id": "user-a", "subscription": "premium", "updated_at": "2026-06-01T00:00:00.000Z"},
        ],
        "locations": [{}],
    },
    batches=[
        [
            {"days_ago": 3, "user_id": "user-a", "song_id": "song-1"},
            {"days_ago": 1, "user_id": "user-a", "song_id": "song-2", "ms_played": 1000, "skipped": True},
        ],
        [
            {"days_ago": 1, "user_id": "user-b", "song_id": "song-1", "liked": True},
            {"at": "2026-01-01 10:00", "user_id": "user-c", "song_id": "song-1"},
        ],
    ],
    calls=[],
)


def batch_after_the_last(offsets: str, facts: int, age: str) -> str:
    """A ledger row as the stream would write it next."""
    return f"""INSERT INTO ops.batches (query, run_id, batch_id, offsets, read, facts, duplicates, dimensions,
            dead_letters, late_events, unknown_fields, committed_at)
        SELECT query, run_id, batch_id + 1, '{offsets}', {facts}, {facts}, 0, 0, 0, 0, 0,
            now() - interval '{age}'
        FROM ops.batches ORDER BY id DESC LIMIT 1"""


_ONE_FACT = "event_id = (SELECT min(event_id::text)::uuid FROM warehouse.stream_events)"

DEFECTS = [
    *(
        ("orphan_facts", f"DELETE FROM warehouse.{table}")
        for table in ("users", "songs", "artists", "albums", "devices", "locations")
    ),
    (
        "duplicate_facts",
        """INSERT INTO warehouse.stream_events
           SELECT (jsonb_populate_record(f, '{"event_date": "2026-01-01"}')).*
           FROM warehouse.stream_events AS f WHERE event_date <> '2026-01-01' LIMIT 1""",
    ),
    *(
        ("impossible_facts", f"UPDATE warehouse.stream_events SET {change} WHERE {_ONE_FACT}")
        for change in (
            "ms_played = -1",
            "song_duration_ms = 0",
            "event_time = event_time - interval '1 day', started_at = started_at - interval '2 days'",
            "started_at = event_time + interval '1 second'",
            "kafka_timestamp = event_time - interval '6 minutes'",
            "is_completed = NOT is_completed",
            "is_stream = NOT is_stream",
        )
    ),
    ("partition_gaps", "UPDATE metrics.hourly SET window_start = window_start - interval '20 years'"),
    ("offset_gaps", batch_after_the_last('{"music.stream-events": {"0": [900, 901]}}', 0, "0 s")),
    ("offset_gaps", batch_after_the_last('{"music.stream-events": {"0": [1, 2]}}', 0, "0 s")),
    ("conservation", "UPDATE ops.partitions SET read = read + 1"),
    ("conservation", "UPDATE ops.partitions SET position = position + 1 WHERE topic = 'music.stream-events'"),
    ("conservation", "UPDATE ops.partitions SET missing = missing + 1"),
    ("counted_dead_letters", "UPDATE ops.partitions SET dead_letters = dead_letters + 1, facts = facts - 1"),
    (
        "counted_dead_letters",
        """INSERT INTO ops.dead_letters
               (topic, partition, kafka_offset, kafka_timestamp, reason, detail, payload_bytes, recorded_at)
           VALUES ('music.stream-events', 0, 0, now(), 'not_json', '', 0, now())""",
    ),
    ("counted_facts", f"DELETE FROM warehouse.stream_events WHERE {_ONE_FACT}"),
    *(
        (f"metrics_{table}", f"UPDATE metrics.{table} SET {measure} = {measure} + 1")
        for table in ("user_engagement", "content_performance", "device", "location", "hourly")
        for measure in ("plays", "skipped", "ms_played")
    ),
    *(
        (f"metrics_{table}", f"DELETE FROM metrics.{table}")
        for table in ("user_engagement", "content_performance", "device", "location", "hourly")
    ),
    ("dimension_sums", "UPDATE metrics.device SET plays = plays + 1"),
    ("dimension_sums", "DELETE FROM metrics.content_performance WHERE content_type = 'genre'"),
    ("impossible_metrics", "UPDATE metrics.hourly SET skipped = plays + 1"),
    ("impossible_metrics", "UPDATE metrics.location SET window_end = window_start"),
    (
        "user_versions",
        "UPDATE warehouse.users SET valid_to = valid_to + interval '1 day' WHERE NOT is_current",
    ),
    (
        "user_versions",
        "UPDATE warehouse.users SET valid_to = valid_to - interval '1 day' WHERE NOT is_current",
    ),
    (
        "user_versions",
        "UPDATE warehouse.users SET valid_to = '2026-07-01', is_current = false WHERE is_current",
    ),
    ("sketches", "UPDATE metrics.hourly SET listeners = listeners + 10"),
    ("sketches", "UPDATE metrics.hourly SET songs = songs + 10"),
    *(
        ("rollups", f"UPDATE rollup.{table} SET {measure} = {measure} + 1 WHERE grain = 'day'")
        for table in ("content", "listeners", "devices", "locations", "local_hours")
        for measure in ("plays", "skipped")
    ),
    *(
        ("rollup_grains", f"UPDATE rollup.{table} SET plays = plays + 1 WHERE grain = 'month'")
        for table in ("content", "listeners")
    ),
    ("rollup_grains", "DELETE FROM rollup.content WHERE grain = 'year'"),
    ("rollup_groups", "UPDATE rollup.listener_groups SET plays = plays + 1"),
    ("rollup_groups", "UPDATE rollup.device_groups SET listeners = listeners + 1"),
    ("rollup_groups", "DELETE FROM rollup.listener_groups"),
    ("rollup_groups", "INSERT INTO rollup.unsettled_days SELECT day FROM rollup.device_groups LIMIT 1"),
    ("rollup_sets", "UPDATE rollup.listener_sets SET plays = plays + 1 WHERE grouped_by = 'gender'"),
    ("rollup_sets", "UPDATE rollup.device_sets SET ms_played = ms_played + 1"),
    ("rollup_sets", "UPDATE rollup.listener_sets SET members = ~members WHERE grouped_by = 'country'"),
    ("rollup_sets", "UPDATE rollup.device_sets SET members = ~members WHERE counted = 'devices'"),
    ("rollup_sets", "DELETE FROM rollup.listener_sets WHERE grouped_by = 'all'"),
    ("rollup_sets", "UPDATE rollup.listener_numbers SET number = number + 1000"),
    ("rollup_endings", "UPDATE rollup.endings SET plays = plays + 1"),
    ("rollup_endings", "UPDATE rollup.endings SET second = second + 1"),
    ("rollup_endings", "UPDATE rollup.endings_by_day SET skipped = skipped + 1"),
    ("rollup_endings", "DELETE FROM rollup.endings"),
    ("rollup_artist_listeners", "UPDATE rollup.artist_listeners SET streams = streams + 1"),
    (
        "rollup_artist_listeners",
        "UPDATE rollup.artist_listeners SET user_id = 'user-z' WHERE user_id = 'user-b'",
    ),
    ("rollup_artist_listeners", "DELETE FROM rollup.artist_listeners"),
    ("rollup_first_listens", "UPDATE rollup.first_listens SET plays = plays + 1"),
    ("rollup_first_listens", "UPDATE rollup.first_listens SET first_at = first_at - interval '1 hour'"),
    ("rollup_first_listens", "DELETE FROM rollup.first_listens WHERE user_id = 'user-a'"),
    ("rollup_cohorts", "UPDATE rollup.cohorts SET listeners = listeners + 1"),
    ("rollup_cohorts", "DELETE FROM rollup.cohorts"),
    ("rollup_freshness", batch_after_the_last("{}", 1, "2 minutes")),
    ("active_listeners", "UPDATE rollup.activity SET active = active + 1"),
    ("active_listeners", "UPDATE rollup.activity SET new_listeners = new_listeners + 1"),
    *(
        (f"query {query}", f"UPDATE {table} SET {change}")
        for table, change, checked in (
            ("rollup.activity", "returning_listeners = returning_listeners + 1", "listener_activity"),
            ("rollup.activity", "first_listens = 100", "listening_time_daily"),
            ("rollup.artist_listeners", "streams = streams + 1", "artist_audience"),
            ("rollup.artist_listeners", "plays = plays + 1", "artist_top_listeners"),
            ("rollup.content", "streams = plays + 1", "content_daily top_content"),
            ("rollup.content", "liked = plays + 1", "genre_daily"),
            (
                "rollup.content",
                "plays = plays + 1 WHERE content_type = 'genre'",
                "engagement genre_performance listening_hours listening_hours_daily listener_sources",
            ),
            (
                "rollup.content",
                "streams = streams + 1 WHERE content_type = 'genre'",
                "catalogue_share super_listeners",
            ),
            ("rollup.content", "streams = streams + 1 WHERE grain <> 'day'", "top_content_in"),
            ("rollup.device_groups", "listeners = devices + 1", "device_daily"),
            ("rollup.device_sets", "skipped = 10 * plays", "devices"),
            ("rollup.endings", "plays = plays + 1", "song_skips"),
            ("rollup.endings_by_day", "skipped = plays + 1", "skip_seconds_daily"),
            ("rollup.listener_sources", "plays = plays + 1", "listener_sources"),
            ("rollup.listener_groups", "completed = plays + 1", "engagement_daily"),
            ("rollup.listener_sets", "plays = plays + 1", "engagement"),
            ("rollup.listeners", "streams = streams + 1", "super_listeners"),
            ("rollup.local_hours", "plays = plays + 1", "listening_hours listening_hours_daily places"),
            ("rollup.locations", "plays = plays + 1", "genre_performance places"),
            ("rollup.state", "ingested_until = now() + interval '1 hour'", "freshness"),
            ("rollup.user_days", "plays = plays + 1", "listener_top_content"),
            ("rollup.user_days", "streak_days = 0", "listener_days"),
            ("rollup.user_days", "streak_days = streak_days + 1", "streaks"),
            ("warehouse.locations", "latitude = 91", "place_daily"),
        )
        for query in checked.split()
    ),
    (
        "query my_listening",
        "UPDATE warehouse.stream_events SET source = 'import'; UPDATE rollup.user_days SET plays = plays + 1",
    ),
    (
        "query retention_cohorts",
        """INSERT INTO rollup.cohorts SELECT cohort_month, cohort_month + 31, listeners + 1
           FROM rollup.cohorts WHERE cohort_month = '2026-01-01' AND month = cohort_month""",
    ),
    (
        "query trending",
        """UPDATE metrics.content_performance
           SET streams = 10,
               window_start = date_bin('5 minutes', now() - interval '30 minutes', '2026-01-01'),
               window_end = date_bin('5 minutes', now() - interval '25 minutes', '2026-01-01')
           WHERE content_type = 'song' AND window_start < '2026-01-02'""",
    ),
]


@pytest.fixture(scope="module")
def sound(database_server: Database) -> Database:
    """A warehouse as the stream leaves it."""
    database_server.empty()
    database_server.query("SELECT rollup.rebuild()")
    run = Stream(database_server.dsn)
    for _ in queries.tell(run, SOUND):
        rollups.refresh(database_server.dsn)
    run.close()
    return database_server


@pytest.fixture
def connection(sound: Database) -> Iterator[Connection]:
    """A session whose changes are taken back."""
    opened = psycopg2.connect(sound.dsn)
    yield opened
    opened.rollback()
    opened.close()


def test_nothing_is_found_in_a_sound_warehouse(connection: Connection) -> None:
    bad = [
        finding for check in CHECKS.values() if not (finding := validation.find(connection, check)).is_good
    ]

    assert bad == []


@pytest.mark.parametrize(("check", "defect"), DEFECTS, ids=lambda text: " ".join(text.split())[:80])
def test_a_planted_defect_is_found(check: str, defect: str, connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(defect)
        assert cursor.rowcount > 0

    finding = validation.find(connection, CHECKS[check])

    assert (finding.verdict, finding.failure) == ("violated", None)
    assert finding.violations > 0 and finding.samples


@pytest.mark.parametrize("check", ["rollup_groups", "rollup_sets"])
def test_who_becomes_known_is_no_defect_before_the_next_refresh(check: str, connection: Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE warehouse.users SET gender = 'nonbinary', country = 'IS'")
        cursor.execute("UPDATE warehouse.devices SET user_id = 'user-z', platform = 'web'")
        assert cursor.rowcount > 0

    assert validation.find(connection, CHECKS[check]).is_good


def test_every_check_has_a_planted_defect_but_the_one_that_reads_no_table() -> None:
    assert CHECKS.keys() - {check for check, _ in DEFECTS} == {"query time_ranges"}


def validate(dsn: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "music-platform"), "validate"]
    environment = {**os.environ, "MUSIC_POSTGRES_DSN": dsn}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)


def test_the_command_prints_a_table_and_says_by_its_exit_code_what_was_found(sound: Database) -> None:
    good = validate(sound.dsn)
    with psycopg2.connect(sound.dsn) as changing, changing.cursor() as cursor:
        cursor.execute("UPDATE metrics.device SET plays = plays + 1")
    bad = validate(sound.dsn)
    with psycopg2.connect(sound.dsn) as changing, changing.cursor() as cursor:
        cursor.execute("UPDATE metrics.device SET plays = plays - 1")

    assert good.returncode == 0, good.stdout + good.stderr
    assert f"{len(CHECKS)} of {len(CHECKS)} checks are good." in good.stdout
    assert bad.returncode == 1
    assert f"{len(CHECKS) - 2} of {len(CHECKS)} checks are good." in bad.stdout
    assert "The sums of a day and key in metrics.device are not those of the facts." in bad.stdout


def test_a_warehouse_that_does_not_answer_is_said_in_a_sentence() -> None:
    refused = validate("postgresql://nobody@127.0.0.1:1/music")

    assert refused.returncode == 1
    assert refused.stderr.startswith("PostgreSQL does not answer")


def test_a_check_that_takes_too_long_is_no_success(sound: Database) -> None:
    slow = validation.Check("slow", "Slow", "Sleeps.", "SELECT 1 FROM pg_sleep(60)")

    (finding,) = validation.run(sound.dsn, [slow], timeout_s=1)

    assert (finding.is_good, finding.verdict) == (False, "not checked")
    assert "statement timeout" in (finding.failure or "")
