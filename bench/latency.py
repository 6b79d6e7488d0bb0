"""How long an event takes from the producer to a row that a reader of PostgreSQL sees, everything running.

Looks at the facts that were stored during the measured time. Visible is when the transaction of the batch
ended (ops.batches.committed_at, written just before the commit), which is later than the row's own
ingested_at (written when the batch is merged).
"""

from __future__ import annotations

import threading
from typing import Any

import psycopg2
from music_contract.topics import STREAM_EVENTS

_QUERY = """
WITH spans AS (
    SELECT
        p.key::int AS kafka_partition,
        (p.value ->> 0)::bigint AS first,
        (p.value ->> 1)::bigint AS last,
        committed_at
    FROM ops.batches, jsonb_each(offsets -> %(topic)s) AS p
    WHERE committed_at >= %(since)s
), delays AS (
    SELECT
        extract(epoch FROM s.committed_at - f.event_time) * 1000 AS from_event,
        extract(epoch FROM s.committed_at - f.kafka_timestamp) * 1000 AS from_append,
        extract(epoch FROM f.ingested_at - f.kafka_timestamp) * 1000 AS to_merge
    FROM warehouse.stream_events AS f
    JOIN spans AS s ON s.kafka_partition = f.kafka_partition AND f.kafka_offset BETWEEN s.first AND s.last
)
SELECT count(*), {figures} FROM delays"""

_KINDS = {
    "event to visible row": "from_event",
    "Kafka append to visible row": "from_append",
    "Kafka append to ingested_at": "to_merge",
}
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def measure(dsn: str, since: Any) -> tuple[int, dict[str, dict[str, float]]]:
    """Events committed since then, and their delays in milliseconds: kind -> share -> value."""
    figures = ", ".join(
        f"percentile_cont({share}) WITHIN GROUP (ORDER BY {column})"
        for column in _KINDS.values()
        for share in _SHARES.values()
    )
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(_QUERY.format(figures=figures), {"topic": STREAM_EVENTS, "since": since})
        row = cursor.fetchone()
    assert row is not None
    count, *values = row
    it = iter(values)
    return int(count), {kind: {name: round(float(next(it)), 1) for name in _SHARES} for kind in _KINDS}


_FINAL = """
WITH ends AS (
    SELECT generate_series(date_trunc('minute', %(since)s - %(delay)s::interval) + interval '1 minute',
        now() - %(delay)s::interval, interval '1 minute') AS window_end
)
SELECT extract(epoch FROM min(b.committed_at) - window_end - %(delay)s::interval)
FROM ends JOIN ops.batches AS b ON b.watermark >= window_end
GROUP BY window_end"""


def final_delays(dsn: str, since: Any, watermark_delay: str = "10 minutes") -> list[float]:
    """Seconds beyond the watermark's delay, from the end of a window of a minute to the commit that makes it
    final, one for each minute whose windows had to become final since then.
    """
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(_FINAL, {"since": since, "delay": watermark_delay})
        return [round(float(seconds), 2) for (seconds,) in cursor.fetchall()]


def wait(seconds: float, what: str) -> None:
    """Let time pass, and say how much is left."""
    for left in range(round(seconds), 0, -10):
        print(f"  {what}: {left} s left", flush=True)
        threading.Event().wait(min(10, left))
