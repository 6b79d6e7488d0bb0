"""The query library: each query answers what its test files say, and looks as its metadata promise."""

from __future__ import annotations

import datetime as dates
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from tests import audit, queries, rollups
from tests.database import Database
from tests.queries import Case
from tests.stream import Stream

CHECKOUT = Path(__file__).parents[2]
CASES = list(queries.cases())
PRIVATE = {"name", "email", "birth_date"}
# Days ago and source of the facts that queries look for: some for each length of period.
SPREAD = [(0, "simulator"), (1, "simulator"), (12, "simulator"), (45, "import"), (400, "import")]
# All that have imported something: of a table with a row per listener.
READ_WHOLE = {"listener_sources": ["rollup.listener_sources"]}


@pytest.fixture
def warehouse(database: Database) -> Iterator[Database]:
    """The database without facts and without rollups."""
    database.query("SELECT rollup.rebuild()")
    yield database


@pytest.fixture
def telling(warehouse: Database) -> Iterator[Stream]:
    run = Stream(warehouse.dsn)
    yield run
    run.close()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_query_answers_what_its_case_says(case: Case, warehouse: Database, telling: Stream) -> None:
    for _ in queries.tell(telling, case):
        rollups.refresh(warehouse.dsn)
    for call in case.calls:
        if "error" in call:
            with pytest.raises(psycopg2.errors.InvalidParameterValue, match=re.escape(call["error"])):
                _answer(warehouse.readonly_dsn, call)
            continue
        found = _answer(warehouse.readonly_dsn, call)
        expected = [_plain(row) for row in call["rows"]]
        columns = expected[0].keys() if expected else ()
        assert [{name: row[name] for name in columns} for row in found] == _close_to(expected), call["query"]
    assert audit.metrics_that_differ(warehouse.dsn) == []
    assert rollups.that_differ(warehouse.dsn) == []
    assert _violations(warehouse.readonly_dsn, case.query) == []


def _answer(dsn: str, call: dict[str, Any]) -> list[dict[str, Any]]:
    order = f" ORDER BY {call['order']}" if "order" in call else ""
    with psycopg2.connect(dsn) as connection:
        connection.set_session(readonly=True)
        with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(f"SELECT * FROM {call['query']} AS answer{order}")
            return [_plain(dict(row)) for row in cursor.fetchall()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Values as YAML writes them."""
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, dates.datetime):
        return value.astimezone(dates.UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dates.date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _close_to(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: pytest.approx(value, rel=1e-4) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _violations(dsn: str, query: str) -> list[tuple[Any, ...]]:
    check = (queries.FOLDER / query / "checks.sql").read_text(encoding="utf-8")
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(check)
        return cursor.fetchall()


def test_every_query_has_a_case() -> None:
    assert set(queries.names()) - {case.query for case in CASES} == set()


@pytest.mark.parametrize("query", queries.names())
def test_a_query_is_what_its_metadata_say(query: str, database_server: Database) -> None:
    described = queries.metadata(query)

    assert set(described) == {"title", "question", "kind", "grain", "freshness", "example"}
    assert described["question"].endswith("?")
    kinds = database_server.query(
        """SELECT 'view' FROM pg_views WHERE schemaname = 'analytics' AND viewname = %(name)s
           UNION ALL SELECT 'function' FROM pg_proc
           WHERE pronamespace = 'analytics'::regnamespace AND proname = %(name)s""".replace(
            "%(name)s", f"'{query}'"
        )
    )
    assert kinds == [(described["kind"],)]
    _answer(database_server.readonly_dsn, {"query": described["example"]})


def test_what_a_query_reads_of_a_large_table_it_finds_by_an_index(
    warehouse: Database, telling: Stream
) -> None:
    events = [{"at": "12:00:00", "days_ago": days, "source": source} for days, source in SPREAD]
    for _ in queries.tell(telling, Case("", "", {}, [events], [])):
        rollups.refresh(warehouse.dsn)

    whole = {query: _read_whole(warehouse.readonly_dsn, query) for query in queries.names()}

    assert {query: found for query, found in whole.items() if found} == READ_WHOLE


def _read_whole(dsn: str, query: str) -> list[str]:
    """The tables of facts, metrics or rollups that a query's example reads row by row, as no index helps.

    With few rows the planner would read them so in any case, were it not for the setting.
    """
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"SELECT * FROM {queries.metadata(query)['example']} AS answer")
        read = queries.tables_read(cursor)
        return [relation for relation, (whole, _) in read.items() if whole and queries.is_large(relation)]


def test_the_readme_lists_every_query_with_its_question() -> None:
    listed = (CHECKOUT / "sql" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)[^|]*\| ([^|]+) \|", listed, re.MULTILINE))

    assert {name: rows.get(name) for name in queries.names()} == {
        name: queries.metadata(name)["question"] for name in queries.names()
    }


def test_no_private_column_is_shown(database_server: Database) -> None:
    shown = database_server.query(
        """SELECT c.relname, a.attname::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
           WHERE c.relnamespace = 'analytics'::regnamespace AND a.attnum > 0
           UNION ALL
           SELECT p.proname, a.name FROM pg_proc AS p, unnest(p.proargnames) AS a (name)
           WHERE p.pronamespace = 'analytics'::regnamespace"""
    )
    assert len(shown) > 200
    assert [column for column in shown if column[1] in PRIVATE] == []


@pytest.mark.parametrize("table", ["rollup.listeners", "warehouse.users", "metrics.hourly"])
def test_who_only_reads_gets_no_further_than_the_views(table: str, database_server: Database) -> None:
    with (
        psycopg2.connect(database_server.readonly_dsn) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")


def test_expected_numbers_are_compared_to_four_digits() -> None:
    assert _close_to([{"rate": 1 / 3}]) == [{"rate": 0.33333}]
    assert _close_to([{"rate": 1 / 3}]) != [{"rate": 0.334}]
    assert math.isclose(1 / 3, 0.33333, rel_tol=1e-4)
