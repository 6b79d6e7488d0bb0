"""Facts into warehouse.stream_events: what is stored already is looked up, the rest goes in by COPY."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import cursor as Cursor

from music_spark.aggregation.families import UNKNOWN_GENRE
from music_spark.records.event_schema import IDENTITY, OBJECTS, TIMESTAMP
from music_spark.records.event_text import uuids
from music_spark.warehouse.binary_copy import json_binary
from music_spark.warehouse.postgres import copy_binary, fetch_value, stage

DAYS_AHEAD = 7
"""Partitions are made for today and this many days after it, so that midnight needs none."""

_DAYS_APART = 28
"""So many days before today have a partition of their own (sql/migrations/0010.old-days.sql)."""

_EPOCH = date(1970, 1, 1)

_CREATE_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_identities (ordinal bigint, event_id uuid, event_date date)
ON COMMIT DELETE ROWS"""


LARGEST_IDENTITY = """
SELECT f.event_id::text FROM warehouse.stream_events AS f
WHERE f.event_date = %s ORDER BY f.event_id DESC LIMIT 1"""
"""One look at the end of a day's index. The table's name before the column matters: ORDER BY event_id alone
would be the text that is selected, and sort a whole day.
"""


def prepare(cursor: Cursor) -> None:
    """Make what a session needs: its staging table, and the partitions of the days ahead."""
    cursor.execute(_CREATE_STAGING)
    today: date = fetch_value(cursor, "SELECT (now() AT TIME ZONE 'UTC')::date")
    ensure_partitions(cursor, {today + timedelta(days=n) for n in range(DAYS_AHEAD + 1)})


def ensure_partitions(cursor: Cursor, days: set[date]) -> None:
    """Make the partitions that these days need and that do not exist yet; old days share one."""
    if days:
        cursor.execute("SELECT warehouse.ensure_stream_events_partitions(%s::date[])", [sorted(days)])


def with_genres(cursor: Cursor, events: pa.Table) -> pa.Table:
    """Add the column genre: that of the song's record, as it is known now."""
    songs = pc.unique(events["song_id"])
    cursor.execute(
        "SELECT song_id, genre FROM warehouse.songs WHERE song_id = ANY(%s) AND genre IS NOT NULL",
        [songs.to_pylist()],
    )
    known = cursor.fetchall()
    ids = pa.array([song for song, _ in known], pa.string())
    genres = pa.array([genre for _, genre in known], pa.string())
    found = genres.take(pc.index_in(events["song_id"].combine_chunks(), ids))
    return events.append_column("genre", pc.fill_null(found, UNKNOWN_GENRE))


def divide(cursor: Cursor, events: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Divide events (triage's columns and genre) into those that are new and the resends of others, stored or
    in the batch. Both come in the order of the primary key, with their identity as 16 bytes.
    """
    today: date = fetch_value(cursor, "SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date")
    events = events.set_column(
        events.column_names.index(IDENTITY), IDENTITY, uuids(events[IDENTITY].combine_chunks())[0]
    )
    order, is_first = _by_identity(events)
    ordered = events.take(pa.array(order))
    resent = ~is_first
    resent[_stored(cursor, ordered, today)] = True
    new = ordered.filter(pa.array(~resent)) if resent.any() else ordered
    return new, ordered.filter(pa.array(resent))


def store(cursor: Cursor, new: pa.Table) -> None:
    """Insert events that `divide` has found to be new.

    The job is the only writer, so what is not stored when it looks is not stored when it writes, and COPY can
    go straight into the fact table; the primary key would refuse the whole batch if that were ever wrong.
    """
    ensure_partitions(cursor, set(pc.unique(new["event_date"]).to_pylist()))
    now: datetime = fetch_value(cursor, "SELECT clock_timestamp()")
    copy_binary(cursor, "warehouse.stream_events", _rows(new, now))


def _by_identity(events: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The order of the primary key, so that its index is filled from left to right, and which rows in that
    order are the first of their key: the others are resends within the batch.
    """
    halves = np.frombuffer(_identity_bytes(events), ">u8").reshape(-1, 2).astype(np.uint64)
    day = events["event_date"].cast(pa.int32()).to_numpy()
    # Stable: of equal keys the one that was read first comes first.
    order = np.lexsort((day, halves[:, 1], halves[:, 0]))
    is_first = np.ones(len(order), np.bool_)
    same = (halves[order[1:]] == halves[order[:-1]]).all(axis=1) & (day[order[1:]] == day[order[:-1]])
    is_first[1:] = ~same
    return order, is_first


def _identity_bytes(events: pa.Table) -> memoryview:
    identities = events[IDENTITY].combine_chunks()
    width = identities.type.byte_width
    content = memoryview(identities.buffers()[1]) if len(identities) else memoryview(b"")
    return content[identities.offset * width : (identities.offset + len(identities)) * width]


def _stored(cursor: Cursor, ordered: pa.Table, today: date) -> list[int]:
    """The rows of events, in the order of their identity, that are stored already.

    Identities are ordered by time: those above the largest stored one of their day are new, and as a rule
    that is nearly all of them. The others are looked up in the primary key, and so are all of old days, which
    come seldom and share a partition, where the largest of one day is not to be had at once.
    """
    days = ordered["event_date"].cast(pa.int32()).to_numpy()
    identities = np.frombuffer(_identity_bytes(ordered), ">u8").reshape(-1, 2)
    may_be_stored = np.ones(len(ordered), np.bool_)
    for number in np.unique(days).tolist():
        day = _EPOCH + timedelta(days=number)
        if day < today - timedelta(days=_DAYS_APART):
            continue
        cursor.execute(LARGEST_IDENTITY, [day])
        largest = cursor.fetchone()
        high, low = divmod(UUID(largest[0]).int, 2**64) if largest else (-1, 0)
        rows = np.flatnonzero(days == number)
        here = identities[rows]
        may_be_stored[rows] = (here[:, 0] < high) | ((here[:, 0] == high) & (here[:, 1] <= low))
    return _looked_up(cursor, ordered, np.flatnonzero(may_be_stored))


def _looked_up(cursor: Cursor, ordered: pa.Table, rows: npt.NDArray[np.int64]) -> list[int]:
    if not len(rows):
        return []
    keys = ordered.select([IDENTITY, "event_date"]).take(pa.array(rows))
    stage(cursor, "staged_identities", keys.append_column("ordinal", pa.array(rows, pa.int64())))
    days = pc.min_max(keys["event_date"]).as_py()
    # OFFSET 0 keeps it one look into the index per row: without statistics of a fresh staging table the
    # planner would rather read the whole day.
    cursor.execute(
        """SELECT ordinal FROM staged_identities AS s WHERE EXISTS (
               SELECT FROM warehouse.stream_events AS f
               WHERE f.event_id = s.event_id AND f.event_date = s.event_date
                   AND f.event_date BETWEEN %s AND %s
               OFFSET 0
           )""",
        [days["min"], days["max"]],
    )
    return [ordinal for (ordinal,) in cursor.fetchall()]


def _rows(events: pa.Table, now: datetime) -> pa.Table:
    """Events as rows of the fact table."""
    rows = events.rename_columns({name: f"kafka_{name}" for name in ("partition", "offset", "timestamp")})
    for name in OBJECTS:
        rows = rows.set_column(rows.column_names.index(name), name, json_binary(rows[name]))
    return rows.append_column("ingested_at", pa.repeat(pa.scalar(now, TIMESTAMP), len(rows)))
