"""Days that are long over share partitions, whatever partitions there are already."""

from collections.abc import Iterator
from datetime import date, timedelta

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor

from tests.database import Database

pytestmark = pytest.mark.integration

TODAY = date(2026, 11, 24)
_BOUNDS = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'warehouse.stream_events'::regclass ORDER BY 1"""


@pytest.fixture
def cursor(database: Database) -> Iterator[Cursor]:
    """A transaction that is rolled back; what other tests made lies in other years than these."""
    connection = psycopg2.connect(database.dsn)
    with connection.cursor() as opened:
        yield opened
    connection.rollback()
    connection.close()


def ensure(cursor: Cursor, *days: date, today: date = TODAY) -> int:
    cursor.execute(
        "SELECT warehouse.ensure_stream_events_partitions(%s::date[], %s::date)", [list(days), today]
    )
    ((made,),) = cursor.fetchall()
    return int(made)


def all_partitions(cursor: Cursor) -> list[str]:
    cursor.execute(_BOUNDS)
    return [str(name) for (name,) in cursor.fetchall()]


def partitions(cursor: Cursor, year: str) -> list[str]:
    return [
        name.removeprefix("stream_events_")
        for name in all_partitions(cursor)
        if name.startswith(f"stream_events_{year}")
    ]


def test_ten_years_of_days_make_a_partition_a_year(cursor: Cursor) -> None:
    days = [date(2003, 1, 1) + timedelta(days=n) for n in range(3653)]
    assert ensure(cursor, *days) == 10
    assert partitions(cursor, "2003") == ["20030101_20031231"]
    assert ensure(cursor, *days) == 0


def test_this_month_and_the_one_before_have_a_partition_a_day(cursor: Cursor) -> None:
    today = date(2001, 11, 24)
    days = [date(2001, 9, 30), date(2001, 10, 1), date(2001, 11, 23), today, date(2001, 12, 1)]
    assert ensure(cursor, *days, today=today) == 5
    assert partitions(cursor, "2001") == ["20010101_20010930", "20011001", "20011123", "20011124", "20011201"]


def test_as_time_passes_old_days_fill_the_gaps_around_what_is_there(cursor: Cursor) -> None:
    ensure(cursor, date(2001, 3, 5), date(2001, 11, 10), date(2001, 11, 12), today=date(2001, 11, 24))
    later = date(2002, 4, 1)
    assert ensure(cursor, date(2001, 10, 3), date(2001, 11, 10), date(2001, 11, 11), today=later) == 2
    assert ensure(cursor, date(2001, 12, 31), date(2002, 1, 1), today=later) == 2
    assert partitions(cursor, "2001") == [
        "20010101_20010930",
        "20011001_20011109",
        "20011110",
        "20011111_20011111",
        "20011112",
        "20011113_20011231",
    ]
    # Of this year only what is no longer recent.
    assert partitions(cursor, "2002") == ["20020101_20020228"]


def test_two_sessions_that_need_the_same_days_make_them_once(database: Database, cursor: Cursor) -> None:
    days = [date(2001, 5, 5), date(2001, 11, 11)]
    with psycopg2.connect(database.dsn) as other, other.cursor() as second:
        assert ensure(cursor, *days, today=date(2001, 11, 24)) == 2
        second.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            ensure(second, *days, today=date(2001, 11, 24))
        other.rollback()
        cursor.connection.rollback()
        assert ensure(second, *days, today=date(2001, 11, 24)) == 2
        other.rollback()


def test_a_day_gets_its_partition_also_when_somebody_added_a_constraint_to_the_facts(
    database: Database,
) -> None:
    connection = psycopg2.connect(database.owner_dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE warehouse.stream_events ADD CONSTRAINT house CHECK (ms_played <> 7)")
            assert ensure(cursor, date(1999, 5, 5), date(2001, 11, 23), today=date(2001, 11, 24)) == 2
            cursor.execute("SELECT count(*) FROM pg_constraint WHERE conname = 'house' AND coninhcount > 0")
            assert cursor.fetchall() == [(len(all_partitions(cursor)),)]
    finally:
        connection.rollback()
        connection.close()
