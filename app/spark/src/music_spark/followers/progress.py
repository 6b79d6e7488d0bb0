"""What Spark's listener says of the query, into ops.progress and onto the page for Prometheus: rates, lag per
partition, durations.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
import psycopg2
from psycopg2.extensions import connection as Connection
from pyspark import SparkContext
from pyspark.sql.streaming.listener import (
    JStreamingQueryListener,
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
    StreamingQueryProgress,
)

from music_spark.followers.gauges import Gauges, lag_gauges
from music_spark.warehouse.ledger import QUERY

log = logging.getLogger(__name__)

_KEPT = "7 days"
_PRUNED_EVERY = 1000
"""Progress rows between two removals of what is older than _KEPT."""
_GAUGES_EVERY_S = 5.0
"""More often than Prometheus asks, as a rule; seldom enough to cost a batch nothing."""
_GAUGES = """
SELECT facts, duplicates, dead_letters, late_events, early_events, unknown_fields, missing, imbalances,
       floor(extract(EPOCH FROM watermark))::bigint AS watermark_seconds
FROM ops.stream_health"""


class _ByDocument(JStreamingQueryListener):
    """Takes progress as the JSON document that Spark makes of it: one call over the bridge to the JVM. Field
    by field it is hundreds, as every collection's end is an exception that is asked for its class.
    """

    def onQueryProgress(self, jevent: Any) -> None:  # noqa: N802 - Spark's name
        """Hand the progress on."""
        document = orjson.loads(jevent.progress().json())
        self.pylistener.onQueryProgress(QueryProgressEvent(StreamingQueryProgress.fromJson(document)))


class ProgressRecorder(StreamingQueryListener):
    """Writes each trigger's progress with a connection of its own: progress is advice, so a fault here stops
    nothing.
    """

    def __init__(self, dsn: str, run_id: UUID, gauges: Gauges | None = None) -> None:
        self._dsn = dsn
        self._run_id = run_id
        self._gauges = gauges
        self._shown_at = -math.inf
        self._lag: Mapping[str, int] = {}
        self._connection: Connection | None = None
        self._turn = threading.Lock()
        self._written = 0
        self._on_the_jvm: Any = None
        self._is_closed = False

    def close(self) -> None:
        """Record nothing more: what Spark still says after the listener was removed is passed over.

        The listener and its proxy on the JVM's side hold each other, so that no collector would do it.
        """
        with self._turn:
            self._is_closed = True
            self._drop_connection()
        self._on_the_jvm = None

    @property
    def _jlistener(self) -> Any:
        if self._on_the_jvm is None:
            assert SparkContext._jvm is not None
            self._on_the_jvm = SparkContext._jvm.PythonStreamingQueryListenerWrapper(_ByDocument(self))
        return self._on_the_jvm

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 - Spark's name
        """Nothing to record: the job notes its own start."""

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802 - Spark's name
        """Record nothing, as an idle query has no progress; but bring the gauges to where it came to rest."""
        with self._turn:
            self._guarded(self._show)

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802 - Spark's name
        """Nothing to record: the job notes its own end."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802 - Spark's name
        """Write one row; when PostgreSQL is away, the row is lost and the next one tries again."""
        progress = event.progress
        source = progress.sources[0]
        lag = lag_by_partition(source.endOffset, source.latestOffset)
        row = [
            QUERY,
            str(self._run_id),
            progress.batchId,
            progress.timestamp,
            progress.numInputRows,
            progress.inputRowsPerSecond,
            progress.processedRowsPerSecond,
            progress.batchDuration,
            sum(lag.values()),
            orjson.dumps(lag).decode(),
            orjson.dumps(dict(progress.durationMs)).decode(),
        ]
        with self._turn:
            self._lag = lag
            self._guarded(lambda: self._write(row))
            self._guarded(self._show)

    def _guarded(self, act: Callable[[], None]) -> None:
        if self._is_closed:
            return
        try:
            act()
        except psycopg2.Error as error:
            log.warning("progress is not recorded: %s", " ".join(str(error).split()))
            self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _write(self, row: list[object]) -> None:
        if self._connection is None:
            self._connection = psycopg2.connect(
                self._dsn, application_name="music-stream-progress", connect_timeout=5
            )
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO ops.progress (query, run_id, batch_id, recorded_at, input_rows,
                       input_rows_per_second, processed_rows_per_second, batch_ms, lag_records,
                       lag_by_partition, durations_ms)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
                row,
            )
            self._written += 1
            if self._written % _PRUNED_EVERY == 1:
                cursor.execute("DELETE FROM ops.progress WHERE recorded_at < now() - %s::interval", [_KEPT])
                cursor.execute("DELETE FROM ops.batches WHERE committed_at < now() - %s::interval", [_KEPT])

    def _show(self) -> None:
        now = time.monotonic()
        if self._gauges is None or self._connection is None or now - self._shown_at < _GAUGES_EVERY_S:
            return
        self._shown_at = now
        with self._connection.cursor() as cursor:
            cursor.execute(_GAUGES)
            names = [column.name for column in cursor.description]
            totals = dict(zip(names, cursor.fetchone() or (), strict=False))
        known = {name: value for name, value in totals.items() if value is not None}
        self._gauges.show({**known, **lag_gauges(self._lag)})


def lag_by_partition(end: str, latest: str) -> dict[str, int]:
    """Records that wait behind what a batch has read, as "topic/partition" -> count, from Spark's offset
    documents.
    """
    if not latest or latest == "null":
        return {}
    read = orjson.loads(end)
    return {
        f"{topic}/{partition}": offset - read.get(topic, {}).get(partition, 0)
        for topic, partitions in orjson.loads(latest).items()
        for partition, offset in partitions.items()
    }
