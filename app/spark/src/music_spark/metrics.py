"""Metrics into their tables: the sums of a batch's new facts are added in the transaction that stores the
facts.

So a metric row equals the same sums over the facts at every commit, late events included, and a crash leaves
both or neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
from psycopg2.extensions import cursor as Cursor

from music_spark import sketches
from music_spark.aggregation import TIMESTAMP, aggregate
from music_spark.families import GENRE_KEY, MEASURES, UNKNOWN_GENRE, Family
from music_spark.postgres import copy_in, copy_out

FACT_COLUMNS = pa.schema(
    [("event_time", TIMESTAMP)]
    + [
        (name, pa.string())
        for name in ("user_id", "song_id", "artist_id", "album_id", "genre", "device_id", "location_id")
    ]
    + [
        (source, pa.int64() if source == "ms_played" else pa.bool_())
        for source in MEASURES.values()
        if source
    ]
)
"""What aggregation needs of a fact."""

_ISO_TIME = "to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
"""PostgreSQL's own notation of a time is not one that Arrow reads."""


def prepare(cursor: Cursor, families: Iterable[Family]) -> None:
    """Make the session's staging tables, one per family."""
    for family in families:
        cursor.execute(
            f"""CREATE TEMPORARY TABLE IF NOT EXISTS staged_{family.table} ON COMMIT DELETE ROWS AS
                SELECT 0::bigint AS ordinal, t.* FROM metrics.{family.table} AS t WITH NO DATA"""
        )


def add(cursor: Cursor, family: Family, facts: pa.Table, watermark: datetime) -> int:
    """Add facts that were stored in this transaction to the rows of a family; the number of rows touched."""
    if not len(facts):
        return 0
    deltas = aggregate(facts, family)
    _upsert(cursor, family, deltas, watermark)
    return len(deltas)


def _upsert(cursor: Cursor, family: Family, deltas: pa.Table, watermark: datetime) -> None:
    deltas = deltas.append_column("ordinal", pa.array(range(len(deltas)), pa.int64()))
    lists = {name: deltas[name] for name in family.distinct}
    keys = ["ordinal", "window_start", *family.key_columns]
    stored: dict[str, dict[int, bytes]] = {}
    if lists:
        copy_in(cursor, f"staged_{family.table}", deltas.select(keys))
        stored = _stored_sketches(cursor, family)
        cursor.execute(f"TRUNCATE staged_{family.table}")
    for name, values in lists.items():
        known = stored[name]
        pairs = [sketches.updated(known.get(row), seen) for row, seen in enumerate(values.to_pylist())]
        deltas = deltas.set_column(
            deltas.column_names.index(name), name, pa.array([n for n, _ in pairs], pa.int64())
        )
        deltas = deltas.append_column(
            f"{name}_sketch", pa.array([sketch for _, sketch in pairs], pa.binary())
        )
    copy_in(cursor, f"staged_{family.table}", deltas)
    conflict = ", ".join(("window_start", *family.key_columns))
    columns = [name for name in deltas.column_names if name != "ordinal"]
    sums = [f"{measure} = m.{measure} + excluded.{measure}" for measure in MEASURES]
    replaced = [
        f"{name}{suffix} = excluded.{name}{suffix}" for name in family.distinct for suffix in ("", "_sketch")
    ]
    cursor.execute(
        f"""INSERT INTO metrics.{family.table} AS m ({", ".join(columns)}, is_final, updated_at)
            SELECT {", ".join(columns)}, window_end <= %s, clock_timestamp() FROM staged_{family.table}
            ORDER BY {conflict}
            ON CONFLICT ({conflict}) DO UPDATE
            SET {", ".join((*sums, *replaced))}, updated_at = excluded.updated_at""",
        [watermark],
    )
    cursor.execute(f"TRUNCATE staged_{family.table}")


def _stored_sketches(cursor: Cursor, family: Family) -> dict[str, dict[int, bytes]]:
    names = list(family.distinct)
    join = ", ".join(("window_start", *family.key_columns))
    cursor.execute(
        f"""SELECT s.ordinal, {", ".join(f"m.{name}_sketch" for name in names)}
            FROM staged_{family.table} AS s JOIN metrics.{family.table} AS m USING ({join})"""
    )
    rows = cursor.fetchall()
    return {name: {row[0]: bytes(row[n]) for row in rows} for n, name in enumerate(names, start=1)}


def close_windows(cursor: Cursor, families: Iterable[Family], watermark: datetime) -> None:
    """Mark the windows final that the watermark has passed."""
    for family in families:
        cursor.execute(
            f"UPDATE metrics.{family.table} SET is_final = true WHERE NOT is_final AND window_end <= %s",
            [watermark],
        )


def complete_genres(cursor: Cursor, family: Family, song_ids: list[str], watermark: datetime) -> None:
    """Move the facts of songs that were unknown to their genre, and the genre rows of their windows with
    them.
    """
    cursor.execute(
        """WITH moved AS (
               UPDATE warehouse.stream_events AS f SET genre = s.genre FROM warehouse.songs AS s
               WHERE s.song_id = f.song_id AND f.genre = %s AND s.genre IS NOT NULL AND f.song_id = ANY(%s)
               RETURNING f.event_time
           )
           SELECT DISTINCT date_bin(%s, event_time, timestamptz 'epoch') FROM moved""",
        [UNKNOWN_GENRE, song_ids, family.window],
    )
    genres = replace(family, keys=(GENRE_KEY,))
    for (start,) in cursor.fetchall():
        rebuild(cursor, genres, start, start + family.window, watermark)


def rebuild(cursor: Cursor, family: Family, start: datetime, end: datetime, watermark: datetime) -> None:
    """Replace the rows of a family's windows in [start, end) by what the facts say."""
    constants = family.keys[0].constants if len(family.keys) == 1 else {}
    restriction = "".join(f" AND {name} = %s" for name in constants)
    cursor.execute(
        f"DELETE FROM metrics.{family.table} WHERE window_start >= %s AND window_start < %s{restriction}",
        [start, end, *constants.values()],
    )
    add(cursor, family, read_facts(cursor, start, end), watermark)


def read_facts(cursor: Cursor, start: datetime, end: datetime) -> pa.Table:
    """The facts with event_time in [start, end), with the columns that aggregation needs."""
    condition = cursor.mogrify(
        "event_time >= %s AND event_time < %s AND event_date BETWEEN %s AND %s",
        [start, end, (start - timedelta(days=1)).date(), end.date()],
    ).decode()
    columns = ", ".join(FACT_COLUMNS.names).replace("event_time", _ISO_TIME, 1)
    return copy_out(cursor, f"SELECT {columns} FROM warehouse.stream_events WHERE {condition}", FACT_COLUMNS)
