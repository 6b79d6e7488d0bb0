"""Metrics into their tables: the sums of a batch's new facts are added in the transaction that stores the
facts.

So a metric row equals the same sums over the facts at every commit, late events included, and a crash leaves
both or neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import cursor as Cursor

from music_spark.aggregation import sketches
from music_spark.aggregation.families import GENRE_KEY, MEASURES, UNKNOWN_GENRE, Family
from music_spark.aggregation.sums import Facts, aggregate
from music_spark.records.event_schema import TIMESTAMP
from music_spark.warehouse.postgres import copy_binary, copy_out, fetch_value, stage

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

_FACTS_AT_ONCE = 200_000
"""Read back and held in memory by a rebuild."""

_MOST_WINDOWS = 1000
"""A history of years touches more of them than asking for each would spare."""

_ISO_TIME = "to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
"""PostgreSQL's own notation of a time is not one that Arrow reads."""


def prepare(cursor: Cursor, families: Iterable[Family]) -> None:
    """Make the session's staging tables, two per family."""
    for family in families:
        keys = ", ".join(("window_start", *family.key_columns))
        cursor.execute(
            f"""CREATE TEMPORARY TABLE IF NOT EXISTS staged_{family.table} ON COMMIT DELETE ROWS AS
                SELECT 0::bigint AS ordinal, {keys} FROM {family.sums_table} WITH NO DATA"""
        )
        cursor.execute(
            f"""CREATE TEMPORARY TABLE IF NOT EXISTS changed_{family.table} ON COMMIT DELETE ROWS AS
                SELECT * FROM {family.sums_table} WITH NO DATA"""
        )


@dataclass(frozen=True)
class Deltas:
    """What facts add to the families."""

    facts: Facts
    sums: Sequence[tuple[Family, Future[pa.Table]]]


def reckon(families: Iterable[Family], facts: pa.Table, meanwhile: Executor) -> Deltas:
    """Begin to sum facts for the families, one after the other: PostgreSQL can work meanwhile."""
    numbers = Facts(facts)
    if not len(facts):
        return Deltas(numbers, [])
    return Deltas(numbers, [(family, meanwhile.submit(aggregate, numbers, family)) for family in families])


def add(cursor: Cursor, deltas: Deltas) -> None:
    """Add what facts that are stored in this transaction make to the rows of the families."""
    if not deltas.sums:
        return
    now: datetime = fetch_value(cursor, "SELECT clock_timestamp()")
    in_use = _windows_in_use(cursor, deltas)
    for family, sums in deltas.sums:
        merge(cursor, family, sums.result(), in_use[family.table], now)


def _windows_in_use(cursor: Cursor, deltas: Deltas) -> dict[str, pa.Array]:
    """The windows of the facts that have rows already, by family: the rows of all others are new.

    In a backlog that is most of them, and spares a look for each row.
    """
    found: dict[str, list[datetime]] = {family.table: [] for family, _ in deltas.sums}
    questions, parameters = [], []
    for family, _ in deltas.sums:
        starts = deltas.facts.window_starts(family.window)
        if len(starts) > _MOST_WINDOWS:
            found[family.table] = starts.to_pylist()
            continue
        # The first window from there on, not any row of the window: for that the planner, which takes it for
        # found at once, would read the table.
        questions.append(
            f"""SELECT '{family.table}', start FROM unnest(%s) AS start WHERE start = (
                    SELECT m.window_start FROM {family.sums_table} AS m WHERE m.window_start >= start
                    ORDER BY m.window_start LIMIT 1
                )"""
        )
        parameters.append(starts.to_pylist())
    if questions:
        cursor.execute(" UNION ALL ".join(questions), parameters)
        for table, start in cursor.fetchall():
            found[table].append(start)
    return {table: pa.array(starts, TIMESTAMP) for table, starts in found.items()}


def merge(cursor: Cursor, family: Family, deltas: pa.Table, in_use: pa.Array, now: datetime) -> None:
    """Add a family's deltas (in the order of the primary key) to the rows that there are and make the others.

    The job is the only writer: a row that was not there when it looked goes in by COPY. Only windows `in_use`
    are looked into.
    """
    is_stored, known = _stored(cursor, family, deltas, in_use)
    for name in family.distinct:
        estimates, updated = sketches.all_updated(known[name], deltas[name].combine_chunks())
        deltas = deltas.set_column(deltas.column_names.index(name), name, estimates)
        deltas = deltas.append_column(f"{name}_sketch", updated)
    deltas = deltas.append_column("updated_at", pa.repeat(pa.scalar(now, TIMESTAMP), len(deltas)))
    copy_binary(cursor, family.sums_table, deltas.filter(pa.array(~is_stored)))
    if is_stored.any():
        _change(cursor, family, deltas.filter(pa.array(is_stored)))


def _stored(
    cursor: Cursor, family: Family, deltas: pa.Table, in_use: pa.Array
) -> tuple[npt.NDArray[np.bool_], dict[str, pa.BinaryArray]]:
    """Which rows of deltas the table has already, and their sketch of each distinct count (others: null).

    They come in one row of a few large values: a row each would cost more than the looking up.
    """
    names = ["window_start", *family.key_columns]
    keys = deltas.select(names).append_column("ordinal", pa.array(np.arange(len(deltas))))
    keys = keys.filter(pc.is_in(keys["window_start"], in_use))
    is_stored = np.zeros(len(deltas), np.bool_)
    if not len(keys):
        return is_stored, {name: pa.nulls(len(deltas), pa.binary()) for name in family.distinct}
    stage(cursor, f"staged_{family.table}", keys)
    packed = ["string_agg(int8send(s.ordinal), '')"]
    for name in family.distinct:
        packed += [
            f"string_agg(int4send(length(m.{name}_sketch)), '')",
            f"string_agg(m.{name}_sketch, '')",
        ]
    cursor.execute(
        f"SELECT {', '.join(packed)} FROM staged_{family.table} AS s "
        f"JOIN {family.sums_table} AS m USING ({', '.join(names)})"
    )
    ordinals, *found = (bytes(value or b"") for value in cursor.fetchone() or ())
    rows = np.frombuffer(ordinals, ">i8").astype(np.int64)
    is_stored[rows] = True
    known = {}
    for name, lengths, content in zip(family.distinct, found[::2], found[1::2], strict=True):
        ends = np.concatenate([[0], np.cumsum(np.frombuffer(lengths, ">i4"))]).astype(np.int32)
        values = pa.Array.from_buffers(
            pa.binary(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(content)]
        )
        place = np.zeros(len(deltas), np.int64)
        place[rows] = np.arange(len(rows))
        known[name] = values.take(pa.array(place, mask=~is_stored))
    return is_stored, known


def _change(cursor: Cursor, family: Family, deltas: pa.Table) -> None:
    stage(cursor, f"changed_{family.table}", deltas)
    sums = [f"{measure} = m.{measure} + c.{measure}" for measure in MEASURES]
    replaced = [
        f"{name}{suffix} = c.{name}{suffix}" for name in family.distinct for suffix in ("", "_sketch")
    ]
    same = " AND ".join(f"m.{name} = c.{name}" for name in ("window_start", *family.key_columns))
    cursor.execute(
        f"""UPDATE {family.sums_table} AS m SET {", ".join((*sums, *replaced))}, updated_at = c.updated_at
            FROM changed_{family.table} AS c WHERE {same}"""
    )


def complete_genres(cursor: Cursor, family: Family, song_ids: list[str]) -> None:
    """Move the facts of songs that were unknown to their genre, and the genre rows of their windows with
    them.
    """
    cursor.execute(
        """WITH moved AS (
               UPDATE warehouse.stream_events AS f SET genre = s.genre FROM warehouse.songs AS s
               WHERE s.song_id = f.song_id AND f.genre = %s AND s.genre <> f.genre AND f.song_id = ANY(%s)
               RETURNING f.event_time
           )
           SELECT DISTINCT date_bin(%s, event_time, timestamptz 'epoch') FROM moved""",
        [UNKNOWN_GENRE, song_ids, family.window],
    )
    genres = replace(family, keys=(GENRE_KEY,))
    for (start,) in cursor.fetchall():
        rebuild(cursor, genres, start, start + family.window)


def rebuild(cursor: Cursor, family: Family, start: datetime, end: datetime) -> int:
    """Replace the rows of a family's windows in [start, end) by what the facts say; the number of facts."""
    constants = family.keys[0].constants if len(family.keys) == 1 else {}
    restriction = "".join(f" AND {name} = %s" for name in constants)
    cursor.execute(
        f"DELETE FROM {family.sums_table} WHERE window_start >= %s AND window_start < %s{restriction}",
        [start, end, *constants.values()],
    )
    count: int = fetch_value(
        cursor, f"SELECT count(*) FROM warehouse.stream_events WHERE {_between(cursor, start, end)}"
    )
    parts = count // _FACTS_AT_ONCE + 1
    moments = [start + (end - start) * part / parts for part in range(parts + 1)]
    with ThreadPoolExecutor(1) as meanwhile:
        for since, until in pairwise(moments):
            add(cursor, reckon([family], read_facts(cursor, since, until), meanwhile))
    return count


def read_facts(cursor: Cursor, start: datetime, end: datetime) -> pa.Table:
    """The facts with event_time in [start, end), with the columns that aggregation needs."""
    columns = ", ".join(FACT_COLUMNS.names).replace("event_time", _ISO_TIME, 1)
    condition = _between(cursor, start, end)
    return copy_out(cursor, f"SELECT {columns} FROM warehouse.stream_events WHERE {condition}", FACT_COLUMNS)


def _between(cursor: Cursor, start: datetime, end: datetime) -> str:
    condition: bytes = cursor.mogrify(
        "event_time >= %s AND event_time < %s AND event_date BETWEEN %s AND %s",
        [start, end, (start - timedelta(days=1)).date(), end.date()],
    )
    return condition.decode()
