"""Progress of the query in ops.progress, by a connection that ends with its run."""

import uuid

import pytest
from music_spark.followers.progress import ProgressRecorder
from pyspark.sql.streaming.listener import QueryProgressEvent, StreamingQueryProgress

from tests.database import Database
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


def progress(batch_id: int) -> QueryProgressEvent:
    """What Spark says of a trigger that read two of five records."""
    document = {
        "id": str(uuid.uuid4()),
        "runId": str(uuid.uuid4()),
        "name": "music-stream",
        "timestamp": "2026-11-23T18:05:00.000Z",
        "batchId": batch_id,
        "batchDuration": 250,
        "durationMs": {"addBatch": 200},
        "numInputRows": 2,
        "inputRowsPerSecond": 8.0,
        "processedRowsPerSecond": 10.0,
        "stateOperators": [],
        "sources": [
            {
                "description": "Kafka",
                "startOffset": '{"music.users": {"0": 0}}',
                "endOffset": '{"music.users": {"0": 2}}',
                "latestOffset": '{"music.users": {"0": 5}}',
                "numInputRows": 2,
                "inputRowsPerSecond": 8.0,
                "processedRowsPerSecond": 10.0,
                "metrics": {},
            }
        ],
        "sink": {"description": "ForeachBatchSink", "numOutputRows": -1, "metrics": {}},
    }
    return QueryProgressEvent(StreamingQueryProgress.fromJson(document))


def sessions(database: Database) -> int:
    count: int = database.value(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'music-stream-progress'"
    )
    return count


def test_the_recorder_of_a_run_keeps_no_connection_when_the_run_has_ended(database: Database) -> None:
    for _ in range(3):
        recorder = ProgressRecorder(database.dsn, uuid.uuid4())
        recorder.onQueryProgress(progress(0))
        assert sessions(database) >= 1
        recorder.close()
        # Spark's listeners hear of the last triggers when the query has ended already.
        recorder.onQueryProgress(progress(1))
    wait_until(lambda: sessions(database) == 0, 30, "the end of the recorders' sessions")
    assert database.query("SELECT batch_id, lag_records FROM ops.progress") == [(0, 3)] * 3
