"""How long an event takes from the producer to a row that a reader of PostgreSQL sees, everything running.

    python -m bench.latency [--rate 1000] [--minutes 10]

A platform of its own with its producer, dashboards left out. In the end the books are balanced, and of each
metric family the final windows are counted and compared with the facts.

Looks at the facts that were stored during the measured time. Visible is when the transaction of the batch
ended (ops.batches.committed_at, written just before the commit), which is later than the row's own
ingested_at (written when the batch is merged).
"""

from __future__ import annotations

import argparse
import os
import platform as machine
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg2

from bench import work
from tests import audit, second_platform

RESULT = Path(__file__).parents[1] / "build" / "bench" / "latency.json"
_WARM_UP_S = 60.0

_QUERY = """
WITH commits AS (
    SELECT i.ingested_at, min(b.committed_at) AS committed_at
    FROM (SELECT DISTINCT ingested_at FROM warehouse.stream_events WHERE ingested_at >= %(since)s) AS i
    JOIN ops.batches AS b ON b.committed_at >= i.ingested_at
    GROUP BY i.ingested_at
), delays AS (
    SELECT
        extract(epoch FROM c.committed_at - f.event_time) * 1000 AS from_event,
        extract(epoch FROM c.committed_at - f.kafka_timestamp) * 1000 AS from_append,
        extract(epoch FROM f.ingested_at - f.kafka_timestamp) * 1000 AS to_merge
    FROM warehouse.stream_events AS f JOIN commits AS c USING (ingested_at)
)
SELECT count(*), {figures} FROM delays"""
"""All facts of a batch have one ingested_at, and batches are transactions one after the other: a fact's batch
is the first that was committed afterwards."""

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
        cursor.execute(_QUERY.format(figures=figures), {"since": since})
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


def main() -> None:
    """Measure, print, and write build/bench/latency.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rate", type=int, default=1000, help="events a second, a week's mean: half of it at least (1000)"
    )
    parser.add_argument("--minutes", type=float, default=10, help="measured time (10)")
    parser.add_argument(
        "--result", type=Path, default=RESULT, help="file to write (build/bench/latency.json)"
    )
    options = parser.parse_args()
    work.end_on_sigterm()
    work.say("a platform of its own starts; it is destroyed in the end")
    # With the history of a new platform, whose windows of an hour are final at once.
    with second_platform.start(RATE=options.rate) as platform:
        dsn = platform.postgres_dsn
        work.say("the history goes through the stream first, faster than the rate")
        work.wait_until_idle(platform, but_for=options.rate)
        wait(_WARM_UP_S, "warming up")
        ((since,),) = work.query(dsn, "SELECT clock_timestamp()")
        wait(options.minutes * 60, "measuring")
        ((until,),) = work.query(dsn, "SELECT clock_timestamp()")
        events, delays = measure(dsn, since)
        load = os.getloadavg()
        memory = sum(program.memory for program in platform.programs().values())
        platform.supervisor.stop("producer")
        work.wait_until_idle(platform)
        books = audit.books(dsn)
        final, different = audit.final_windows(dsn), audit.metrics_that_differ(dsn)
    result = {
        "conditions": {"cores": os.cpu_count(), "machine": machine.platform(), "load_average": load},
        "events": events,
        "events_per_s": round(events / (until - since).total_seconds(), 1),
        "latency_ms": delays,
        "resident_bytes": memory,
        "books": asdict(books),
        "final_windows": final,
        "metric_rows_that_differ_from_the_facts": len(different),
    }
    work.write(options.result, result)
    _print(result)


def _print(result: dict[str, Any]) -> None:
    print(f"\n{result['conditions']}\n{result['events']:,} events, {result['events_per_s']:,.0f}/s")
    print(f"{'milliseconds':30}" + "".join(f"{share:>10}" for share in _SHARES))
    for kind, shares in result["latency_ms"].items():
        print(f"{kind:30}" + "".join(f"{value:10,.0f}" for value in shares.values()))
    print(f"resident memory of the platform: {result['resident_bytes'] / 2**30:.2f} GiB")
    print(f"books: {result['books']}")
    print(f"final windows: {result['final_windows']}")
    print(f"metric rows that differ from the facts: {result['metric_rows_that_differ_from_the_facts']}")


if __name__ == "__main__":
    main()
