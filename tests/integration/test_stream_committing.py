"""Batches are committed in their order while the next one is read, and none after one that failed."""

import pyarrow as pa
import pytest
from music_spark.batches import batch
from music_spark.batches.committing import Committer

from tests.database import Database
from tests.records import event_records, parsed, playback
from tests.stream import CrashError, Stream, after, crash

pytestmark = pytest.mark.integration

FACTS = "SELECT kafka_offset FROM warehouse.stream_events ORDER BY 1"


def test_all_batches_that_were_taken_are_committed_when_it_is_closed(
    database: Database, stream: Stream
) -> None:
    committer = Committer(stream.context)
    for number in range(5):
        committer.take(number, parsed(event_records(playback(number), first_offset=number)))
    committer.take(5, pa.table({}))
    committer.close()
    assert committer.fault is None
    assert database.query(FACTS) == [(n,) for n in range(5)]
    assert database.query("SELECT batch_id FROM ops.batches ORDER BY id") == [(n,) for n in range(5)]


def test_no_batch_is_committed_after_one_that_failed(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = Committer(stream.context)
    after(monkeypatch, batch, "_store", crash, call=2)
    committer.take(0, parsed(event_records(playback(0))))
    committer.take(1, parsed(event_records(playback(1), first_offset=1)))
    with pytest.raises(CrashError):
        committer.take(2, parsed(event_records(playback(2), first_offset=2)))
    committer.close()
    assert isinstance(committer.fault, CrashError)
    assert database.query(FACTS) == [(0,)]


def test_a_batch_that_does_not_follow_the_one_before_is_refused(stream: Stream) -> None:
    committer = Committer(stream.context)
    committer.take(0, pa.table({}))
    with pytest.raises(RuntimeError, match="batch 2 came after batch 0"):
        committer.take(2, pa.table({}))
    committer.close()
