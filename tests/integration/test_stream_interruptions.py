"""Wherever a batch breaks off, nothing of it is left, and what comes again counts once."""

from datetime import timedelta

import pytest
from music_spark.batches.batch import Stopped
from music_spark.warehouse import dead_letters, dimensions, facts, ledger, metrics
from music_spark.warehouse.postgres import WriterIsActive

from tests import audit
from tests.database import Database
from tests.records import (
    APPENDED_AT,
    SONGS,
    Record,
    dimension_records,
    event_records,
    framed,
    mixed,
    playback,
    song,
)
from tests.stream import FAMILIES, CrashError, Stream, after, count_facts, crash, totals
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


def two_batches() -> tuple[list[Record], list[Record]]:
    """Batches of which the second gives every step of the transaction something to do.

    It completes song-2, which the first left a placeholder, brings a late event, and moves the watermark.
    """
    first, second = mixed(1), [*mixed(4, 10), *dimension_records(SONGS, song("song-2"), first_offset=12)]
    second += event_records(playback(20, event_time="2026-11-23T14:00:00.000Z"), first_offset=15)
    later = playback(21, event_time="2026-11-23T19:30:00.000Z")
    second.append(Record(framed(later), offset=16, timestamp=APPENDED_AT + timedelta(hours=2)))
    return first, second


@pytest.fixture(scope="module")
def uninterrupted(database_server: Database) -> dict[str, list[str]]:
    """What the two batches leave when nothing happens to them."""
    database_server.empty()
    run = Stream(database_server.dsn)
    for records in two_batches():
        run.commit(records)
    run.close()
    assert audit.metrics_that_differ(database_server.dsn) == []
    return database_server.contents()


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        (ledger, "positions", 1),
        (ledger, "watermark", 1),
        (dimensions, "store", 1),
        (metrics, "complete_genres", 1),
        (facts, "ensure_partitions", 1),
        (facts, "copy_binary", 1),
        (facts, "store", 1),
        (dimensions, "infer_members", 1),
        (ledger, "advance_watermark", 1),
        *((metrics, "merge", number) for number in range(1, len(FAMILIES) + 1)),
        (dead_letters, "record", 1),
        (ledger, "record", 1),
        (None, "send", 1),
    ],
)
def test_a_crash_leaves_nothing_and_the_replay_leaves_what_one_run_does(
    uninterrupted: dict[str, list[str]],
    database: Database,
    stream: Stream,
    module: object,
    name: str,
    call: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = two_batches()
    stream.commit(first)
    before = database.contents()
    with monkeypatch.context() as patch:
        after(patch, module or stream.sink, name, crash, call)
        with pytest.raises(CrashError):
            stream.commit(second)
    assert database.contents() == before
    stream.commit(second)
    assert database.contents() == uninterrupted


def test_a_crash_after_the_commit_and_before_sparks_own_changes_nothing_when_the_batch_comes_again(
    uninterrupted: dict[str, list[str]], database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_batches()
    stream.commit(first)
    with monkeypatch.context() as patch:
        after(patch, stream.writer, "transaction", crash)
        with pytest.raises(CrashError):
            stream.commit(second)
    assert database.contents() == uninterrupted
    stream.close()
    next_run = Stream(database.dsn)
    next_run.commit(second)
    next_run.close()
    assert database.contents() == uninterrupted


@pytest.mark.parametrize(
    ("module", "name"),
    [(ledger, "positions"), (facts, "store"), (metrics, "add"), (ledger, "record")],
)
def test_a_connection_that_is_cut_in_the_middle_is_opened_again_and_the_batch_counts_once(
    database: Database, stream: Stream, module: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        database.query(
            """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
               WHERE application_name = 'music-stream'"""
        )

    after(monkeypatch, module, name, cut)
    stream.commit(mixed())
    assert totals(database) == {"read": 5, "facts": 4, "duplicates": 1, "unknown_fields": 1, "position": 5}
    assert audit.metrics_that_differ(database.dsn) == []
    assert database.value("SELECT count(*) FROM ops.dead_letters") == 3
    assert len({(letter.origin.topic, letter.origin.offset) for letter in stream.sink.letters}) == 3


def test_a_dead_letter_topic_that_is_away_holds_the_batch_back_until_it_is_there(
    database: Database, stream: Stream
) -> None:
    stream.sink.refusals = 1
    stream.commit(mixed())
    assert len(stream.sink.letters) == 3
    assert database.value("SELECT count(*) FROM ops.dead_letters") == 3


def test_a_job_that_is_asked_to_stop_while_a_batch_waits_leaves_it_to_the_next_run(
    database: Database, stream: Stream
) -> None:
    stream.sink.refusals = 1
    stream.stopping.set()
    with pytest.raises(Stopped):
        stream.commit(mixed())
    assert count_facts(database) == 0
    assert database.query("SELECT * FROM ops.partitions") == []


def is_free(database: Database) -> bool:
    """Whether nobody holds the writer's lock."""
    return database.query("SELECT FROM pg_locks WHERE locktype = 'advisory'") == []


def test_a_second_writer_is_refused_until_the_first_is_gone(database: Database, stream: Stream) -> None:
    stream.commit(event_records(playback(1)))
    second = Stream(database.dsn)
    try:
        with pytest.raises(WriterIsActive):
            second.writer.transaction(lambda cursor: cursor.execute("SELECT 1"))
        second.stopping.set()
        with pytest.raises(Stopped):
            second.commit(event_records(playback(2), first_offset=1))
        assert count_facts(database) == 1
        second.stopping.clear()
        stream.close()
        # The server may take a moment to see that the first has gone.
        wait_until(lambda: is_free(database), 10, "the release of the writer's lock")
        second.commit(event_records(playback(2), first_offset=1))
        assert count_facts(database) == 2
    finally:
        second.close()
