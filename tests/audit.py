"""The books of a platform, audited from outside: what was read against what became of it, metrics against
facts.

The sums are computed by SQL of the tests' own, not by the code under test.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from music_contract.topics import STREAM_EVENTS

MEASURES = ("plays", "streams", "completed", "skipped", "liked", "added_to_playlist", "ms_played")

_SUMS = """count(*), sum(is_stream::int), sum(is_completed::int), sum(skipped::int), sum(liked::int),
    sum(added_to_playlist::int), sum(ms_played)"""

_FAMILIES = {
    "user_engagement": ("1 hour", {"user_id": "user_id"}, ""),
    "device": ("1 minute", {"device_id": "device_id"}, ""),
    "location": ("1 minute", {"location_id": "location_id"}, ""),
    "hourly": ("1 hour", {}, ""),
    **{
        f"content_performance/{kind}": ("5 minutes", {"content_id": source}, f"WHERE content_type = '{kind}'")
        for kind, source in {
            "song": "song_id",
            "artist": "artist_id",
            "album": "album_id",
            "genre": "genre",
        }.items()
    },
}


_DISTINCT = {
    "user_engagement": {"songs": "song_id"},
    "content_performance": {"listeners": "user_id"},
    "location": {"listeners": "user_id", "songs": "song_id"},
    "hourly": {"listeners": "user_id", "songs": "song_id"},
}

STANDARD_ERROR = 1.04 / 4096**0.5
"""Of a distinct count, relative: what music_spark.sketches states."""

_MOST_ERRORS = 4
"""So many standard errors and no more: of a hundred thousand right sketches some six are beyond."""


@dataclass(frozen=True)
class Books:
    """Totals over all partitions of the event topic."""

    read: int
    facts: int
    duplicates: int
    dead_letters: int
    missing: int

    @property
    def balanced(self) -> bool:
        return self.read == self.facts + self.duplicates + self.dead_letters and self.missing == 0


@contextmanager
def reader(dsn: str) -> Iterator[Any]:
    """A cursor whose statements see each other's moment: one read-only snapshot."""
    connection = psycopg2.connect(dsn)
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def books(dsn: str) -> Books:
    """The conservation totals of the event topic, as the stream keeps them."""
    with reader(dsn) as cursor:
        cursor.execute(
            """SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(facts), 0)::bigint,
                   coalesce(sum(duplicates), 0)::bigint, coalesce(sum(dead_letters), 0)::bigint,
                   coalesce(sum(missing), 0)::bigint FROM ops.conservation WHERE topic = %s""",
            [STREAM_EVENTS],
        )
        return Books(*cursor.fetchone())


def facts_stored(dsn: str) -> tuple[int, int]:
    """Rows of the fact table, and distinct event ids in it."""
    with reader(dsn) as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT event_id) FROM warehouse.stream_events")
        rows, distinct = cursor.fetchone()
        return int(rows), int(distinct)


def ledger_gaps(dsn: str) -> list[tuple[Any, ...]]:
    """Places where a batch does not begin where the one before it ended, per partition of the event topic."""
    with reader(dsn) as cursor:
        cursor.execute(
            """SELECT * FROM (
                   SELECT b.id, p.key AS partition, (p.value ->> 0)::bigint AS first,
                       lag((p.value ->> 1)::bigint) OVER (PARTITION BY p.key ORDER BY b.id) AS last_before
                   FROM ops.batches AS b, jsonb_each(b.offsets -> %s) AS p
               ) AS spans WHERE first <> last_before + 1""",
            [STREAM_EVENTS],
        )
        return list(cursor.fetchall())


def metrics_that_differ(
    dsn: str, only_final: bool = False, windows: Mapping[str, str] | None = None
) -> list[tuple[Any, ...]]:
    """Rows of any metric family whose sums are not those of the facts, missing and surplus rows included.

    `windows` names the window lengths of tables that are not set to the default.
    """
    different: list[tuple[Any, ...]] = []
    with reader(dsn) as cursor:
        for family, (window, keys, restriction) in _FAMILIES.items():
            table = family.partition("/")[0]
            window = (windows or {}).get(table, window)
            key_list = "".join(f", {source} AS {column}" for column, source in keys.items())
            group = ", ".join(str(n) for n in range(1, len(keys) + 2))
            columns = ", ".join(("window_start", *keys))
            final = " WHERE coalesce(m.is_final, false)" if only_final else " WHERE true"
            cursor.execute(
                f"""WITH expected ({columns}, {", ".join(MEASURES)}) AS (
                        SELECT date_bin('{window}', event_time, timestamptz 'epoch'){key_list}, {_SUMS}
                        FROM warehouse.stream_events GROUP BY {group}
                    ), m AS (SELECT * FROM metrics.{table} {restriction})
                    SELECT '{family}', {columns}, m.plays, expected.plays, m.ms_played, expected.ms_played
                    FROM m FULL JOIN expected USING ({columns}) {final}
                    AND ({", ".join(f"m.{n}" for n in MEASURES)})
                        IS DISTINCT FROM ({", ".join(f"expected.{n}" for n in MEASURES)})"""
            )
            different += cursor.fetchall()
    return different


def distinct_counts(
    dsn: str, windows: Mapping[str, str] | None = None
) -> tuple[float, list[tuple[Any, ...]]]:
    """The largest relative error of an approximate distinct count against the exact one of the facts.

    And the rows whose error is beyond what the sketches state: window, keys, column, count, exact count.
    """
    worst, different = 0.0, []
    with reader(dsn) as cursor:
        for family, (window, keys, restriction) in _FAMILIES.items():
            table = family.partition("/")[0]
            window = (windows or {}).get(table, window)
            key_list = "".join(f", {source} AS {column}" for column, source in keys.items())
            group = ", ".join(str(n) for n in range(1, len(keys) + 2))
            columns = ", ".join(("window_start", *keys))
            for name, source in _DISTINCT.get(table, {}).items():
                cursor.execute(
                    f"""WITH expected ({columns}, exact) AS (
                            SELECT date_bin('{window}', event_time, timestamptz 'epoch'){key_list},
                                count(DISTINCT {source})
                            FROM warehouse.stream_events GROUP BY {group}
                        ), m AS (SELECT * FROM metrics.{table} {restriction}),
                        compared AS (
                            SELECT {columns}, {name} AS counted, exact,
                                abs({name} - exact)::float / exact AS error
                            FROM m JOIN expected USING ({columns})
                        )
                        SELECT '{family}', {columns}, '{name}', counted, exact, error FROM compared
                        WHERE error > %s OR error = (SELECT max(error) FROM compared) AND error > 0""",
                    [_MOST_ERRORS * STANDARD_ERROR],
                )
                for row in cursor.fetchall():
                    worst = max(worst, row[-1])
                    if row[-1] > _MOST_ERRORS * STANDARD_ERROR:
                        different.append(row)
    return worst, different


def final_windows(dsn: str) -> dict[str, int]:
    """Number of final windows of each family."""
    with reader(dsn) as cursor:
        found = {}
        for table in dict.fromkeys(family.partition("/")[0] for family in _FAMILIES):
            cursor.execute(f"SELECT count(DISTINCT window_start) FROM metrics.{table} WHERE is_final")
            found[table] = int(cursor.fetchone()[0])
        return found
