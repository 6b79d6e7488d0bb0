"""A record that keeps to the contract and that PostgreSQL refuses is a dead letter and holds nobody up."""

from collections.abc import Iterator

import psycopg2
import pytest
from music_contract.rules import Reason
from music_contract.topics import STREAM_EVENTS
from music_spark.batches import refusals
from music_spark.warehouse import facts, ledger

from tests import audit
from tests.database import Database
from tests.records import APPENDED_AT, SONGS, Record, dimension_records, event_records, framed, playback, song
from tests.stream import Stream, after

pytestmark = pytest.mark.integration

FORBIDDEN_MS = 66_666


@pytest.fixture
def strict(database: Database, stream: Stream) -> Iterator[Database]:
    """The database, with constraints that somebody added and that the contract does not know."""
    # Opening the connection makes the partitions of the days ahead, which no constraint may meet half made.
    stream.writer.transaction(lambda cursor: facts.ensure_partitions(cursor, {APPENDED_AT.date()}))
    add = "ALTER TABLE {} ADD CONSTRAINT house_rule CHECK ({}) NOT VALID"
    drop = "ALTER TABLE {} DROP CONSTRAINT house_rule"
    rules = {
        "warehouse.stream_events": f"ms_played <> {FORBIDDEN_MS}",
        "warehouse.songs": "title <> 'Forbidden'",
    }
    for table, rule in rules.items():
        database.query(add.format(table, rule), owner=True)
    yield database
    for table in rules:
        database.query(drop.format(table), owner=True)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("bad", [{0}, {99}, {17, 18, 60}, set(range(100))])
def test_the_refused_records_of_a_batch_become_dead_letters_and_the_others_are_stored(
    strict: Database, stream: Stream, bad: set[int], quick: bool
) -> None:
    events = [playback(n, ms_played=FORBIDDEN_MS if n in bad else 40_000) for n in range(100)]
    records = [Record(framed(event), offset=n, key=b"user-1") for n, event in enumerate(events)]
    stream.commit(records, quick=quick)

    rows = strict.query("SELECT kafka_offset, reason, detail, key, payload FROM ops.dead_letters ORDER BY 1")
    assert [row[0] for row in rows] == sorted(bad)
    for offset, reason, detail, key, payload in rows:
        assert reason == Reason.NOT_STORABLE
        assert "house_rule" in detail
        assert (bytes(key), bytes(payload)) == (b"user-1", records[offset].value)
    assert [letter.origin.offset for letter in stream.sink.letters] == sorted(bad)
    assert strict.value("SELECT count(*) FROM warehouse.stream_events") == 100 - len(bad)
    books = audit.books(strict.dsn)
    assert books.balanced
    assert (books.read, books.dead_letters) == (100, len(bad))
    assert audit.metrics_that_differ(strict.dsn) == []


def test_a_refused_dimension_record_does_not_hold_its_neighbours(strict: Database, stream: Stream) -> None:
    entries = [song(f"song-{n}", title="Forbidden" if n == 3 else "Fine") for n in range(6)]
    stream.commit([*dimension_records(SONGS, *entries), *event_records(playback(1))])
    assert strict.value("SELECT count(*) FROM warehouse.songs WHERE NOT is_inferred") == 5
    assert strict.query("SELECT topic, kafka_offset FROM ops.dead_letters") == [(SONGS, 3)]
    assert strict.query("SELECT bool_and(balanced) FROM ops.conservation") == [(True,)]


def test_looking_for_refused_records_keeps_no_locks_of_its_attempts(
    strict: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = []

    def count_locks() -> None:
        locks.append(strict.value("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid'"))

    after(monkeypatch, refusals, "find", count_locks)
    events = [playback(n, ms_played=FORBIDDEN_MS if n % 2 else 40_000) for n in range(40)]
    stream.commit(event_records(*events))
    assert strict.value("SELECT count(*) FROM ops.dead_letters") == 20
    assert max(locks) < 5


def test_after_a_refused_record_the_next_batch_follows_as_ever(strict: Database, stream: Stream) -> None:
    stream.commit(event_records(playback(1, ms_played=FORBIDDEN_MS), playback(2)))
    stream.commit(event_records(playback(3), first_offset=2))
    assert strict.value("SELECT position FROM ops.partitions WHERE topic = %s", STREAM_EVENTS) == 3
    assert audit.ledger_gaps(strict.dsn) == []


def test_a_refusal_that_no_single_record_causes_is_not_blamed_on_one(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise psycopg2.DataError("the ledger itself is refused")

    monkeypatch.setattr(ledger, "record", refuse)
    with pytest.raises(psycopg2.DataError):
        stream.commit(event_records(playback(1), playback(2)))
    assert database.value("SELECT count(*) FROM ops.dead_letters") == 0
