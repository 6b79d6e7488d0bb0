"""Ranges of days as rollup periods, some of which are taken away."""

import random
from contextlib import closing
from datetime import date, timedelta

import psycopg2
import pytest

from tests.database import Database

# How often a range's periods have a day, where that is not once for each of its own and never for the others.
# Periods longer than a day have the days before the sealed one only.
WRONGLY_MADE_UP = """
SELECT r.since, r.until, d.day, coalesce(sum(p.sign), 0)
FROM unnest(%(since)s::date[], %(until)s::date[]) AS r (since, until)
CROSS JOIN generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS d (day)
LEFT JOIN LATERAL (
    SELECT p.sign, p.grain, o.period_start, o.period_end
    FROM rollup.periods(r.since, r.until) AS p, rollup.periods_of(p.period_start) AS o
    WHERE o.grain = p.grain AND o.period_start = p.period_start
) AS p ON d.day >= p.period_start AND d.day < p.period_end AND (p.grain = 'day' OR d.day < %(sealed)s)
GROUP BY 1, 2, 3
HAVING coalesce(sum(p.sign), 0) <> (d.day >= r.since AND d.day < r.until)::integer"""

MOST_PERIODS = """
SELECT max((SELECT count(*) FROM rollup.periods(r.since, r.until) AS p WHERE p.period_start < %(sealed)s))
FROM unnest(%(since)s::date[], %(until)s::date[]) AS r (since, until)"""


@pytest.mark.parametrize("sealed", ["2025-11-26", "2025-12-01", "2026-01-01", "2026-01-04"])
def test_any_range_is_made_up_of_its_days_by_few_periods(database: Database, sealed: str) -> None:
    first, last = date(2024, 6, 14), date(2026, 1, 4)
    database.query("SELECT rollup.rebuild()")
    database.query("INSERT INTO rollup.activity (day) VALUES (%s), (%s)", first, last, owner=True)
    database.query("UPDATE rollup.state SET sealed_until = %s", sealed, owner=True)
    chance = random.Random(sealed)
    near = [first + timedelta(chance.randint(-3, 575)) for _ in range(60)]
    ranges = [(since, since + timedelta(days)) for since in near for days in (1, 2, 7, 28, 30, 31)]
    ranges += [(since, until) for since in near[:15] for until in near[15:30] if since < until]
    ranges += [
        (date(2000, 1, 1), date(2030, 1, 1)),
        (first, last),
        (last, last + timedelta(9)),
        (last, first),
    ]
    since, until = zip(*sorted(set(ranges)), strict=True)
    given = {
        "since": list(since),
        "until": list(until),
        "first": first,
        "last": last,
        "sealed": sealed,
    }

    with closing(psycopg2.connect(database.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(WRONGLY_MADE_UP, given)
        assert cursor.fetchall() == []
        cursor.execute(MOST_PERIODS, given)
        assert cursor.fetchall() <= [(26,)]
