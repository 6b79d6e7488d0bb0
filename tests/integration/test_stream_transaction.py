"""A batch is one transaction: it counts once, whatever is delivered again and wherever it breaks off."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from music_contract.rules import Reason
from music_contract.topics import STREAM_EVENTS
from music_spark.reading import offsets
from music_spark.reading.offsets import Start
from music_spark.warehouse import facts

from tests import audit
from tests.database import Database
from tests.records import (
    APPENDED_AT,
    LOCATIONS,
    SONGS,
    USERS,
    Record,
    bare,
    dimension_records,
    event_records,
    framed,
    mixed,
    playback,
    user,
)
from tests.stream import Stream, count_facts, totals

pytestmark = pytest.mark.integration


def test_a_stored_event_has_every_value_that_was_sent(database: Database, stream: Stream) -> None:
    event = playback(1, experiments={"home-page": "b"}, source="import", ms_played=86_400_000, offline=True)
    stream.commit([Record(framed(event), partition=7, offset=42)])
    (row,) = database.query("SELECT to_jsonb(f) FROM warehouse.stream_events AS f")
    fact: dict[str, Any] = row[0]
    moments = {name for name in event if name in ("event_time", "started_at", "produced_at")}
    assert {name: fact[name] for name in event if name not in moments} == {
        name: value for name, value in event.items() if name not in moments
    }
    for name in moments:
        assert datetime.fromisoformat(fact[name]) == datetime.fromisoformat(event[name]), name
    assert (fact["kafka_partition"], fact["kafka_offset"], fact["event_date"]) == (7, 42, "2026-11-23")
    assert datetime.fromisoformat(fact["kafka_timestamp"]) == APPENDED_AT
    assert (fact["is_stream"], fact["is_completed"], fact["genre"]) == (True, True, "unknown")


def test_the_same_batch_twice_changes_nothing(database: Database, stream: Stream) -> None:
    stream.commit(mixed())
    once = database.contents()
    letters = len(stream.sink.letters)
    stream.commit(mixed())
    assert database.contents() == once
    assert len(stream.sink.letters) == letters


def test_the_same_batch_again_by_the_next_run_changes_nothing(database: Database, stream: Stream) -> None:
    stream.commit(mixed())
    once = database.contents()
    stream.close()
    next_run = Stream(database.dsn)
    next_run.commit(mixed())
    next_run.close()
    assert database.contents() == once


def test_of_an_overlapping_batch_only_the_new_offsets_count(database: Database, stream: Stream) -> None:
    events = event_records(*(playback(n) for n in range(6)))
    stream.commit(events[:4])
    stream.commit(events[2:])
    assert totals(database) == {"read": 6, "facts": 6, "position": 6}
    assert audit.ledger_gaps(database.dsn) == []
    assert audit.metrics_that_differ(database.dsn) == []


def test_what_is_written_where_kafka_lost_its_tail_is_not_taken_for_known(
    database: Database, stream: Stream
) -> None:
    stream.commit(event_records(playback(1), playback(2)))
    lost = {(STREAM_EVENTS, 0): 1}

    stream.writer.transaction(
        lambda cursor: offsets.settle(
            cursor, uuid4(), {STREAM_EVENTS: f"id-of-{STREAM_EVENTS}"}, Start({}, [], rewound=lost)
        )
    )
    stream.commit(event_records(playback(3), first_offset=1))

    assert count_facts(database) == 3
    assert database.query("SELECT rewound, position FROM ops.partitions") == [(1, 2)]
    assert database.value("SELECT balanced FROM ops.conservation") is True


def test_what_was_gone_before_a_partition_was_ever_read_is_counted_and_said(
    database: Database, stream: Stream
) -> None:
    partition = (STREAM_EVENTS, 0)
    start = Start({}, [("records_missing", "3 are gone")], begun={partition: 0}, skipped={partition: 3})

    stream.writer.transaction(
        lambda cursor: offsets.settle(cursor, uuid4(), {STREAM_EVENTS: f"id-of-{STREAM_EVENTS}"}, start)
    )
    stream.commit(event_records(playback(1), first_offset=3))

    assert totals(database) == {"read": 1, "facts": 1, "missing": 3, "position": 4}
    assert database.value("SELECT balanced FROM ops.conservation") is True
    assert database.query("SELECT detail FROM ops.query_events WHERE kind = 'records_missing'") == [
        ("3 are gone",)
    ]


def test_a_resend_of_the_same_event_in_another_batch_is_stored_once(
    database: Database, stream: Stream
) -> None:
    stream.commit(event_records(playback(1)))
    stream.commit(event_records(playback(1), playback(2), first_offset=1))
    assert totals(database) == {"read": 3, "facts": 2, "duplicates": 1, "position": 3}
    assert database.value("SELECT plays FROM metrics.hourly") == 2


@pytest.mark.parametrize("quick", [True, False])
def test_a_resend_of_the_same_event_in_the_same_batch_is_stored_once(
    database: Database, stream: Stream, quick: bool
) -> None:
    stream.commit(event_records(playback(1), playback(2), playback(1), playback(1)), quick=quick)
    assert totals(database) == {"read": 4, "facts": 2, "duplicates": 2, "position": 4}
    assert database.value("SELECT plays FROM metrics.hourly") == 2


def test_a_resend_through_another_partition_counts_there_as_a_duplicate(
    database: Database, stream: Stream
) -> None:
    stream.commit(event_records(playback(1)))
    stream.commit(event_records(playback(1), partition=5))
    assert totals(database, 5) == {"read": 1, "duplicates": 1, "position": 1}
    assert count_facts(database) == 1


def test_dead_letters_are_stored_as_they_came_with_their_reason(database: Database, stream: Stream) -> None:
    large = bare(playback()) + b" " * 200_000
    values = [b"\x00\xff\x00", None, large, framed(playback(), 99), b'"; DROP TABLE x; --\n,\\.']
    stream.commit([Record(value, offset=n, key=b"\x00k") for n, value in enumerate(values)])
    rows = database.query(
        "SELECT reason, key, payload, payload_bytes FROM ops.dead_letters ORDER BY kafka_offset"
    )
    found = [(reason, bytes(key), payload and bytes(payload), size) for reason, key, payload, size in rows]
    assert found == [
        (Reason.NOT_JSON, b"\x00k", values[0], 3),
        (Reason.EMPTY, b"\x00k", None, 0),
        (Reason.TOO_LARGE, b"\x00k", large[:65_536], len(large)),
        (Reason.UNKNOWN_SCHEMA, b"\x00k", values[3], len(framed(playback()))),
        (Reason.NOT_JSON, b"\x00k", values[4], len(values[4] or b"")),
    ]
    assert [letter.origin.offset for letter in stream.sink.letters] == [0, 1, 2, 3, 4]
    assert totals(database) == {"read": 5, "dead_letters": 5, "position": 5}


def test_what_was_read_is_what_became_of_it_in_every_partition(database: Database, stream: Stream) -> None:
    stream.commit(mixed(1))
    stream.commit(mixed(3, 10))
    rows = database.query(
        """SELECT topic, partition, read, facts, duplicates, dimensions, dead_letters, balanced
           FROM ops.conservation"""
    )
    assert sorted(rows) == [
        (LOCATIONS, 0, 2, 0, 0, 2, 0, True),
        (SONGS, 0, 4, 0, 0, 2, 2, True),
        (STREAM_EVENTS, 0, 10, 5, 5, 0, 0, True),
        (STREAM_EVENTS, 7, 6, 2, 0, 0, 4, True),
        (USERS, 0, 6, 0, 0, 6, 0, True),
    ]
    assert database.query("SELECT count(*), sum(facts)::int, sum(read)::int FROM ops.batches") == [(2, 7, 28)]


def test_offsets_that_kafka_lost_are_counted_and_said_but_not_those_of_compaction(
    database: Database, stream: Stream
) -> None:
    stream.commit([*event_records(playback(1)), *dimension_records(USERS, user())])
    stream.commit(
        [*event_records(playback(2), first_offset=11), *dimension_records(USERS, user(), first_offset=11)]
    )
    assert totals(database) == {"read": 2, "facts": 2, "missing": 10, "position": 12}
    assert database.value("SELECT missing FROM ops.partitions WHERE topic = %s", USERS) == 0
    ((kind, detail),) = database.query("SELECT kind, detail FROM ops.query_events")
    assert kind == "records_missing"
    assert "10 records" in detail


@pytest.mark.parametrize("day", ["1970-01-01", "1999-12-31", "2008-02-29"])
def test_an_event_of_a_day_long_past_gets_the_partition_of_its_year(
    database: Database, stream: Stream, day: str
) -> None:
    late = playback(1, event_time=f"{day}T23:59:59.999Z")
    stream.commit(event_records(late, playback(2)))
    rows = database.query(
        "SELECT tableoid::regclass::text, event_time FROM warehouse.stream_events ORDER BY 2"
    )
    assert rows[0] == (
        f"warehouse.stream_events_{day[:4]}0101_{day[:4]}1231",
        datetime.fromisoformat(f"{day}T23:59:59.999+00:00"),
    )
    assert audit.metrics_that_differ(database.dsn) == []


def test_partitions_exist_for_the_week_ahead_before_their_first_event(
    database: Database, stream: Stream
) -> None:
    stream.commit(event_records(playback(1)))
    ahead = database.value(
        """SELECT count(*) FROM generate_series(0, 7) AS n WHERE to_regclass('warehouse.stream_events_'
           || to_char((now() AT TIME ZONE 'UTC')::date + n, 'YYYYMMDD')) IS NOT NULL"""
    )
    assert ahead == 8


def test_a_batch_without_events_leaves_the_watermark_alone(database: Database, stream: Stream) -> None:
    stream.commit(dimension_records(USERS, user()))
    assert database.query("SELECT * FROM ops.watermarks") == []
    assert database.value("SELECT watermark FROM ops.batches") is None


def test_the_largest_identity_of_a_day_is_one_look_into_its_index(database: Database, stream: Stream) -> None:
    stream.commit(event_records(*(playback(n) for n in range(500))))
    day = database.value("SELECT max(event_date) FROM warehouse.stream_events")
    # Otherwise the plan may be one for what autovacuum saw of the tests before: a partition without rows.
    database.query("ANALYZE warehouse.stream_events", owner=True)
    plan = "\n".join(text for (text,) in database.query(f"EXPLAIN {facts.LARGEST_IDENTITY}", day))
    assert "Index Only Scan Backward" in plan and "Sort" not in plan, plan
    largest = database.value("SELECT event_id::text FROM warehouse.stream_events ORDER BY 1 DESC LIMIT 1")
    assert database.query(facts.LARGEST_IDENTITY, day) == [(largest,)]
