"""How long an event takes from the producer to a row that a reader of PostgreSQL sees, everything running.

    python -m bench.latency [--rate 500] [--seconds 120] [--warm-up 60]

Starts a platform of its own beside whatever runs, lets it warm up, and looks at the facts that were stored
during the measured time. Visible is when the transaction of the batch ended (ops.batches.committed_at,
written just before the commit), which is later than the row's own ingested_at (written when the batch is
merged).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform as machine
import threading
import time
from pathlib import Path
from typing import Any

import psycopg2
from music_contract.topics import STREAM_EVENTS

from tests import audit, second_platform

CHECKOUT = Path(__file__).parents[1]
RESULT = CHECKOUT / "build" / "bench" / "latency.json"

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


def _wait(seconds: float, what: str) -> None:
    for left in range(round(seconds), 0, -10):
        print(f"  {what}: {left} s left", flush=True)
        threading.Event().wait(min(10, left))


def main() -> None:
    """Measure, print, and write build/bench/latency.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=500, help="events per second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120, help="measured time (default: %(default)s)")
    parser.add_argument("--warm-up", type=float, default=60, help="time before it (default: %(default)s)")
    options = parser.parse_args()
    print("a platform of its own starts; it is destroyed in the end")
    with second_platform.start(RATE=options.rate) as platform:
        _wait(options.warm_up, "warming up")
        with psycopg2.connect(platform.postgres_dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (since,) = cursor.fetchone() or (None,)
        began = time.monotonic()
        _wait(options.seconds, "measuring")
        events, delays = measure(platform.postgres_dsn, since)
        elapsed = time.monotonic() - began
        memory = sum(program.memory for program in platform.supervisor.programs())
        books = audit.books(platform.postgres_dsn)
        final = audit.final_windows(platform.postgres_dsn)
        different = audit.metrics_that_differ(platform.postgres_dsn)
    result = {
        "conditions": {
            "cores": os.cpu_count(),
            "machine": machine.platform(),
            "load_average": os.getloadavg(),
            "target_events_per_s": options.rate,
            "seconds": round(elapsed, 1),
        },
        "events": events,
        "events_per_s": round(events / elapsed, 1),
        "latency_ms": delays,
        "resident_bytes": memory,
        "books": dataclasses.asdict(books),
        "final_windows": final,
        "metric_rows_that_differ_from_the_facts": len(different),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n{events} events in {elapsed:.0f} s ({events / elapsed:.0f}/s) on {os.cpu_count()} cores")
    print(f"{'milliseconds':30}" + "".join(f"{name:>10}" for name in _SHARES))
    for kind, values in delays.items():
        print(f"{kind:30}" + "".join(f"{values[name]:10.0f}" for name in _SHARES))
    print(f"resident memory of the platform: {memory / 2**30:.2f} GiB")
    print(f"books: {books}, balanced: {books.balanced}")
    print(f"final windows: {final}; metric rows that differ from the facts: {len(different)}")


if __name__ == "__main__":
    main()
