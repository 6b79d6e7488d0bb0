"""Facts into warehouse.stream_events: COPY into staging, one merge; a resend of an event is stored once."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2.extensions import cursor as Cursor

from music_spark.families import UNKNOWN_GENRE
from music_spark.postgres import copy_in, fetch_value

DAYS_AHEAD = 7
"""Partitions are made for today and this many days after it, so that midnight needs none."""

_CREATE_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS staged_events
    (LIKE warehouse.stream_events INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"""

# The rows that were staged and not inserted: their event_id is stored already, or twice in this batch.
_MERGE = """
WITH inserted AS (
    INSERT INTO warehouse.stream_events SELECT * FROM staged_events ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING kafka_partition, kafka_offset
)
SELECT s.kafka_partition, s.kafka_offset FROM staged_events AS s
WHERE NOT EXISTS (
    SELECT FROM inserted AS i WHERE i.kafka_partition = s.kafka_partition AND i.kafka_offset = s.kafka_offset
)"""


def prepare(cursor: Cursor) -> None:
    """Make what a session needs: its staging table, and the partitions of the days ahead."""
    cursor.execute(_CREATE_STAGING)
    today: date = fetch_value(cursor, "SELECT (now() AT TIME ZONE 'UTC')::date")
    ensure_partitions(cursor, {today + timedelta(days=n) for n in range(DAYS_AHEAD + 1)})


def ensure_partitions(cursor: Cursor, days: set[date]) -> None:
    """Make the daily partitions that do not exist yet."""
    if days:
        cursor.execute(
            "SELECT warehouse.ensure_stream_events_partition(day) FROM unnest(%s::date[]) AS day",
            [sorted(days)],
        )


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


def store(cursor: Cursor, events: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Insert the events (triage's columns and genre) that are not stored yet.

    Returns:
        The events that are now facts, and those that were resends of a stored one.
    """
    ensure_partitions(cursor, set(pc.unique(events["event_date"]).to_pylist()))
    staged = events.rename_columns({name: f"kafka_{name}" for name in ("partition", "offset", "timestamp")})
    now = fetch_value(cursor, "SELECT clock_timestamp()")
    ingested = pa.repeat(pa.scalar(now, pa.timestamp("us", tz="UTC")), len(staged))
    copy_in(cursor, "staged_events", staged.append_column("ingested_at", ingested))
    cursor.execute(_MERGE)
    resent = cursor.fetchall()
    if not resent:
        return events, events.slice(0, 0)
    keys = ["partition", "offset"]
    schema = pa.schema([events.schema.field(name) for name in keys])
    repeated = pa.Table.from_pylist([dict(zip(keys, row, strict=True)) for row in resent], schema)
    return events.join(repeated, keys, join_type="left anti"), events.join(
        repeated, keys, join_type="left semi"
    )
