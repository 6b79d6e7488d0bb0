"""The rollups: refreshed as the stream job does it, and computed again from the facts by SQL of their own."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2

from tests.audit import reader

_MEASURES = """count(*) AS plays, count(*) FILTER (WHERE f.is_stream) AS streams,
    count(*) FILTER (WHERE f.is_completed) AS completed, count(*) FILTER (WHERE f.skipped) AS skipped,
    count(*) FILTER (WHERE f.liked) AS liked,
    count(*) FILTER (WHERE f.added_to_playlist) AS added_to_playlist, sum(f.ms_played) AS ms_played"""
_STORED = "plays, streams, completed, skipped, liked, added_to_playlist, ms_played"

_FACTS = """
    SELECT f.*, u.user_key, coalesce(l.country, 'unknown') AS country,
        coalesce(l.time_zone, 'UTC') AS time_zone,
        f.event_time AT TIME ZONE coalesce(l.time_zone, 'UTC') AS local_time
    FROM warehouse.stream_events AS f
    JOIN warehouse.users AS u
        ON u.user_id = f.user_id AND u.valid_from <= f.event_time AND f.event_time < u.valid_to
    LEFT JOIN warehouse.locations AS l ON l.location_id = f.location_id"""

_FAMILIES = {
    "listeners": ("user_key", "f.user_key"),
    "devices": ("device_id", "f.device_id"),
    "locations": ("location_id", "f.location_id"),
    "local_hours": (
        "country, time_zone, weekday, hour",
        "f.country, f.time_zone, extract(isodow FROM f.local_time), extract(hour FROM f.local_time)",
    ),
    **{
        f"content/{kind}": ("content_type, content_id", f"'{kind}', f.{column}")
        for kind, column in {
            "song": "song_id",
            "artist": "artist_id",
            "album": "album_id",
            "genre": "genre",
        }.items()
    },
}

_GRAINS = {
    "day": "f.event_date",
    "ten_days": """date_trunc('month', f.event_date)::date
        + CASE WHEN extract(day FROM f.event_date) <= 10 THEN 0
               WHEN extract(day FROM f.event_date) <= 20 THEN 10 ELSE 20 END""",
    "month": "date_trunc('month', f.event_date)::date",
    "year": "date_trunc('year', f.event_date)::date",
}

_OTHERS = {
    "endings": (
        "month, song_id, second, plays, skipped",
        """SELECT date_trunc('month', event_date)::date, song_id, least(ms_played / 1000, 3600), count(*),
               count(*) FILTER (WHERE skipped) FROM warehouse.stream_events GROUP BY 1, 2, 3""",
    ),
    "endings_by_day": (
        "day, second, plays, skipped",
        """SELECT event_date, least(ms_played / 1000, 3600), count(*), count(*) FILTER (WHERE skipped)
           FROM warehouse.stream_events GROUP BY 1, 2""",
    ),
    "artist_listeners": (
        "month, artist_id, user_id, plays, streams, ms_played",
        """SELECT date_trunc('month', event_date)::date, artist_id, user_id, count(*),
               count(*) FILTER (WHERE is_stream), sum(ms_played)
           FROM warehouse.stream_events GROUP BY 1, 2, 3""",
    ),
    "first_listens": (
        "user_id, song_id, plays, first_at",
        """SELECT user_id, song_id, count(*), min(event_time) FROM warehouse.stream_events GROUP BY 1, 2""",
    ),
    "user_days": (
        "user_id, day, plays, previous_day, next_day, streak_days",
        """SELECT user_id, day, plays, coalesce(lag(day) OVER of_user, '-infinity'),
               coalesce(lead(day) OVER of_user, 'infinity'),
               (row_number() OVER (PARTITION BY user_id, day - nth ORDER BY day))::integer
           FROM (
               SELECT user_id, event_date AS day, count(*) AS plays,
                   (row_number() OVER (PARTITION BY user_id ORDER BY event_date))::integer AS nth
               FROM warehouse.stream_events GROUP BY 1, 2
           ) AS days
           WINDOW of_user AS (PARTITION BY user_id ORDER BY day)""",
    ),
    "cohorts": (
        "cohort_month, month, listeners",
        """SELECT first, month, count(*) FROM (
               SELECT DISTINCT user_id, date_trunc('month', event_date)::date AS month,
                   min(date_trunc('month', event_date)::date) OVER (PARTITION BY user_id) AS first
               FROM warehouse.stream_events
           ) AS m GROUP BY 1, 2""",
    ),
}

_AGE = """CASE WHEN f.age IS NULL THEN 'unknown' WHEN f.age < 18 THEN 'under 18'
    WHEN f.age < 23 THEN '18-22' WHEN f.age < 28 THEN '23-27' WHEN f.age < 35 THEN '28-34'
    WHEN f.age < 45 THEN '35-44' WHEN f.age < 60 THEN '45-59' ELSE '60+' END"""

# The views and functions add stored days and days that they count at the look.
_VIEWS = {
    "engagement_daily": (
        f"day, age_group, gender, subscription, country, listeners, {_STORED}",
        f"""SELECT f.event_date, {_AGE},
               f.user_gender, f.user_subscription, f.user_country, count(DISTINCT f.user_id)""",
        "1, 2, 3, 4, 5",
    ),
    "device_daily": (
        f"day, device_type, platform, listeners, devices, {_STORED}",
        """SELECT f.event_date, f.device_type, f.platform, count(DISTINCT f.device_user),
               count(DISTINCT f.device_id)""",
        "1, 2, 3",
    ),
}

# Every active day, and from each to the last: who was active on several of the days counts once.
_RANGES = """(
    SELECT a.day AS since, a.day + 1 AS until FROM rollup.activity AS a
    UNION
    SELECT a.day, (SELECT max(b.day) + 1 FROM rollup.activity AS b) FROM rollup.activity AS a
)"""
_FUNCTIONS = {
    **{
        f"engagement by {word}": (
            f"analytics.engagement(r.since, r.until, '{word}')",
            "group_name, listeners, plays, streams",
            f"{group}, count(DISTINCT f.user_id), count(*), count(*) FILTER (WHERE f.is_stream)",
            "3",
        )
        for word, group in {
            "age_group": _AGE,
            "gender": "f.user_gender",
            "subscription": "f.user_subscription",
            "country": "f.user_country",
            "all": "'all'",
        }.items()
    },
    "devices": (
        "analytics.devices(r.since, r.until)",
        "device_type, platform, listeners, devices, plays, streams",
        """f.device_type, f.platform, count(DISTINCT f.device_user), count(DISTINCT f.device_id), count(*),
           count(*) FILTER (WHERE f.is_stream)""",
        "3, 4",
    ),
    "super listeners": (
        "(SELECT * FROM analytics.super_listeners(r.since, r.until) WHERE audience = 'all')",
        "listeners, streams",
        "count(DISTINCT f.user_id), count(*) FILTER (WHERE f.is_stream)",
        "",
    ),
}

_GROUPED_FACTS = """
    SELECT f.*, extract(year FROM age(f.event_date, u.birth_date)) AS age,
        coalesce(u.gender, 'unknown') AS user_gender,
        coalesce(u.subscription, 'unknown') AS user_subscription,
        coalesce(u.country, 'unknown') AS user_country, d.user_id AS device_user,
        coalesce(d.device_type, 'unknown') AS device_type, coalesce(d.platform, 'unknown') AS platform
    FROM warehouse.stream_events AS f
    JOIN warehouse.users AS u
        ON u.user_id = f.user_id AND u.valid_from <= f.event_time AND f.event_time < u.valid_to
    LEFT JOIN warehouse.devices AS d ON d.device_id = f.device_id"""


def refresh(dsn: str, facts_at_once: int = 1_000_000) -> int:
    """Refresh until nothing is left; the facts counted."""
    total = 0
    while counted := refresh_once(dsn, facts_at_once):
        total += counted
    return total


def refresh_once(dsn: str, max_facts: int = 1_000_000) -> int:
    """Count what has come since the last refresh, up to about that many facts; the facts counted."""
    connection = psycopg2.connect(dsn)
    connection.set_session(isolation_level="REPEATABLE READ")
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute("SELECT rollup.refresh(%s)", [max_facts])
        (counted,) = cursor.fetchone() or (0,)
        return int(counted)


def that_differ(dsn: str) -> list[tuple[Any, ...]]:
    """Rows of any rollup that are not what the facts say, missing and surplus ones included."""
    different: list[tuple[Any, ...]] = []
    with reader(dsn) as cursor:
        for family, (keys, sources) in _FAMILIES.items():
            table, _, kind = family.partition("/")
            only = f"AND content_type = '{kind}'" if kind else ""
            for grain, period in _GRAINS.items():
                sealed = f"WHERE '{grain}' = 'day' OR f.event_date < (SELECT sealed_until FROM rollup.state)"
                different += _compare(
                    cursor,
                    f"{family} {grain}",
                    f"""SELECT period_start, {keys}, {_STORED} FROM rollup.{table}
                        WHERE grain = '{grain}' {only}""",
                    f"""SELECT {period}, {sources}, {_MEASURES} FROM ({_FACTS}) AS f {sealed}
                        GROUP BY {", ".join(str(n + 1) for n in range(1 + keys.count(",") + 1))}""",
                )
        for table, (columns, expected) in _OTHERS.items():
            different += _compare(cursor, table, f"SELECT {columns} FROM rollup.{table}", expected)
        for view, (columns, groups, keys) in _VIEWS.items():
            different += _compare(
                cursor,
                view,
                f"SELECT {columns} FROM analytics.{view}",
                f"{groups}, {_MEASURES} FROM ({_GROUPED_FACTS}) AS f GROUP BY {keys}",
            )
        for name, (function, columns, groups, keys) in _FUNCTIONS.items():
            different += _compare(
                cursor,
                name,
                f"""SELECT r.since, r.until, {columns} FROM {_RANGES} AS r CROSS JOIN LATERAL {function}""",
                f"""SELECT r.since, r.until, {groups} FROM {_RANGES} AS r
                    JOIN ({_GROUPED_FACTS}) AS f ON f.event_date >= r.since AND f.event_date < r.until
                    GROUP BY {", ".join(filter(None, ("1, 2", keys)))}""",
            )
        different += _compare(cursor, "activity", _ACTIVITY, _EXPECTED_ACTIVITY)
    return different


def _compare(cursor: Any, what: str, stored: str, expected: str) -> list[tuple[Any, ...]]:
    cursor.execute(
        f"""WITH stored AS ({stored}), expected AS ({expected})
            SELECT '{what}', 'surplus', to_jsonb(s)::text
            FROM (TABLE stored EXCEPT ALL TABLE expected) AS s
            UNION ALL
            SELECT '{what}', 'missing', to_jsonb(e)::text
            FROM (TABLE expected EXCEPT ALL TABLE stored) AS e"""
    )
    return list(cursor.fetchall())


_ACTIVITY = """
SELECT day, daily_active_listeners, weekly_active_listeners, monthly_active_listeners, new_listeners,
    resurrected_listeners, first_listens
FROM analytics.listener_activity"""

_EXPECTED_ACTIVITY = """
WITH f AS (SELECT DISTINCT user_id, event_date AS day FROM warehouse.stream_events)
SELECT
    d.day::date,
    (SELECT count(DISTINCT user_id) FROM f WHERE day = d.day),
    (SELECT count(DISTINCT user_id) FROM f WHERE day BETWEEN d.day - interval '6 days' AND d.day),
    (SELECT count(DISTINCT user_id) FROM f WHERE day BETWEEN d.day - interval '27 days' AND d.day),
    (SELECT count(*) FROM (SELECT min(day) AS first FROM f GROUP BY user_id) AS u WHERE u.first = d.day),
    (SELECT count(*) FROM f WHERE day = d.day
     AND NOT EXISTS (SELECT FROM f AS g WHERE g.user_id = f.user_id
                     AND g.day BETWEEN d.day - interval '28 days' AND d.day - interval '1 day')
     AND EXISTS (SELECT FROM f AS g WHERE g.user_id = f.user_id AND g.day < d.day)),
    (SELECT count(*) FROM (
        SELECT min(event_time) AS first FROM warehouse.stream_events GROUP BY user_id, song_id
     ) AS s WHERE (s.first AT TIME ZONE 'UTC')::date = d.day)
FROM generate_series(
    (SELECT min(day) FROM f)::timestamp, (SELECT max(day) FROM f), interval '1 day'
) AS d (day)"""
