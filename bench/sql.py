"""How fast the query library answers on millions of facts: make bench-sql FACTS=10000000

    python -m bench.sql [--facts 10000000] [--runs 7]

Starts a PostgreSQL of its own with the platform's configuration, makes facts of 180 days in it
(bench.sql_facts), lets rollup.refresh count them as the stream job does, and measures the example of each
query, and what dashboards ask of the daily views, as the role that only reads. For comparison a few of the
questions are asked of the facts themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
from music_platform.console import table
from music_spark.followers.rollups import FACTS_AT_ONCE

from bench import sql_facts
from tests import database, queries

RESULT = Path(__file__).parents[1] / "build" / "bench" / "sql.json"
LIMIT_MS = 200

# The question of the query, asked of the facts: what the rollups are for.
REFERENCES = {
    "top_content": """SELECT f.song_id, count(*) FILTER (WHERE f.is_stream) AS streams
        FROM warehouse.stream_events AS f
        WHERE f.event_date >= current_date - 29 GROUP BY 1 ORDER BY 2 DESC LIMIT 100""",
    "engagement": """SELECT u.gender, count(DISTINCT f.user_id), count(*)
        FROM warehouse.stream_events AS f
        JOIN warehouse.users AS u
            ON u.user_id = f.user_id AND u.valid_from <= f.event_time AND f.event_time < u.valid_to
        WHERE f.event_date >= current_date - 29 GROUP BY 1""",
    "listener_activity": """SELECT count(DISTINCT f.user_id)
        FROM warehouse.stream_events AS f WHERE f.event_date >= current_date - 27""",
}

# What charts make of the daily views, over the 28 days that dashboards open with.
DASHBOARDS = {
    f"{view}, 28 days": f"""SELECT {group}, sum(streams) AS streams FROM analytics.{view}
        WHERE day >= current_date - 27{more} GROUP BY {group} ORDER BY streams DESC LIMIT 50"""
    for view, group, more in (
        ("content_daily", "content_id, content_name", " AND content_type = 'song'"),
        ("engagement_daily", "age_group", ""),
        ("device_daily", "platform", ""),
        ("place_daily", "location_id, city", ""),
        ("genre_daily", "genre", ""),
        ("listening_hours_daily", "weekday, hour", ""),
    )
}

_ARGUMENT = re.compile(r"\(SELECT \w+\.\w+ FROM analytics\.\w+\([^()]*\) AS \w+\)")

_LEFT = "SELECT count(*) FROM rollup.unsettled_days"


def main() -> None:
    """Make the facts, measure, print and write the result."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--facts", type=int, default=10_000_000, help="how many facts to make")
    words.add_argument("--runs", type=int, default=7, help="how often each query is measured")
    given = words.parse_args()
    # Otherwise Ctrl-C waits for the statement under way, which counts for minutes.
    psycopg2.extensions.set_wait_callback(psycopg2.extras.wait_select)
    began = time.monotonic()
    with database.start() as server:
        _say(began, "making facts")
        conditions: dict[str, Any] = {"facts": given.facts, "runs": given.runs, "cores": os.cpu_count()}
        conditions |= sql_facts.make(server.owner_dsn, given.facts)
        conditions["facts counted per second"] = _count(server)
        conditions["load average"] = round(os.getloadavg()[0], 1)
        _say(began, "measuring")
        asked = {name: f"SELECT * FROM {queries.metadata(name)['example']} AS a" for name in queries.names()}
        results = _measure(server.readonly_dsn, {**asked, **DASHBOARDS}, given.runs)
        references = {name: _reference(server.owner_dsn, name) for name in REFERENCES}
    for result in results:
        if result["query"] in references:
            result["from_facts_ms"] = references[result["query"]]
    _print(results, conditions)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"conditions": conditions, "queries": results}, indent=2) + "\n")
    print(f"written to {RESULT}, after {time.monotonic() - began:.0f} s")


def _count(server: database.Database) -> int:
    """Refresh the rollups until all is counted and every day at rest has its groups; facts per second."""
    began, total = time.monotonic(), 0
    connection = psycopg2.connect(server.dsn)
    connection.set_session(isolation_level="REPEATABLE READ")
    while True:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT rollup.refresh(%s)", [FACTS_AT_ONCE])
            (counted,) = cursor.fetchone() or (0,)
            cursor.execute(_LEFT)
            (left,) = cursor.fetchone() or (0,)
        total += counted
        _say(began, f"{total:,} facts counted in the rollups, {left} days without groups")
        if not counted and not left:
            break
    connection.close()
    seconds = time.monotonic() - began
    sql_facts.vacuum(server.owner_dsn)
    return round(total / seconds)


def _measure(dsn: str, statements: Mapping[str, str], runs: int) -> list[dict[str, Any]]:
    """Ask all again and again, round by round: what disturbs the machine for a moment disturbs one answer."""
    times: dict[str, list[float]] = {name: [] for name in statements}
    rows: dict[str, int] = {}
    with _reader(dsn) as cursor:
        asked = {name: _with_its_argument(cursor, statement) for name, statement in statements.items()}
        for _ in range(runs + 1):
            for name, statement in asked.items():
                began = time.perf_counter()
                cursor.execute(statement)
                rows[name] = len(cursor.fetchall())
                times[name].append((time.perf_counter() - began) * 1000)
    return [
        {
            "query": name,
            "rows": rows[name],
            # The first run fills the caches of the session.
            "median_ms": round(statistics.median(times[name][1:]), 1),
            "slowest_ms": round(max(times[name][1:]), 1),
            "first_ms": round(times[name][0], 1),
            "reads": _reads(dsn, statement),
        }
        for name, statement in asked.items()
    ]


def _with_its_argument(cursor: Any, statement: str) -> str:
    """The statement with the song or listener that it is about in place of the query for it."""
    found = _ARGUMENT.search(statement)
    if not found:
        return statement
    cursor.execute(found[0])
    ((value,),) = cursor.fetchall()
    quoted: str = cursor.mogrify("%s", [value]).decode()
    return statement.replace(found[0], quoted)


def _reads(dsn: str, statement: str) -> dict[str, str]:
    """The tables that a statement reads, and whether by an index."""
    with _reader(dsn) as cursor:
        cursor.execute(statement)
        return {
            relation: "index" if not whole else "index and whole" if by_index else "whole"
            for relation, (whole, by_index) in queries.tables_read(cursor).items()
        }


def _reference(dsn: str, name: str) -> float:
    with _reader(dsn) as cursor:
        times = []
        for _ in range(2):
            began = time.perf_counter()
            cursor.execute(REFERENCES[name])
            cursor.fetchall()
            times.append((time.perf_counter() - began) * 1000)
    return round(times[1], 1)


@contextmanager
def _reader(dsn: str) -> Iterator[Any]:
    connection = psycopg2.connect(dsn)
    try:
        connection.set_session(readonly=True)
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _print(results: list[dict[str, Any]], conditions: dict[str, Any]) -> None:
    print("; ".join(f"{name}: {value}" for name, value in conditions.items()))
    body = [
        (
            result["query"],
            result["rows"],
            result["median_ms"],
            result["slowest_ms"],
            "yes" if result["median_ms"] < LIMIT_MS else "NO",
            result.get("from_facts_ms"),
            ", ".join(
                f"{relation} ({how})"
                for relation, how in result["reads"].items()
                if queries.is_large(relation)
            ),
        )
        for result in results
    ]
    header = ("query", "rows", "median ms", "slowest ms", f"< {LIMIT_MS} ms", "from facts ms", "reads")
    print("\n".join(table.rows(header, body)))


def _say(began: float, text: str) -> None:
    print(f"{time.monotonic() - began:5.0f} s  {text}", flush=True)


if __name__ == "__main__":
    main()
