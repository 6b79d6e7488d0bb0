"""Positions, totals and the ledger of batches: what makes a batch count once.

The next offset to read of each partition is stored in the transaction of the batch's data. A record below it
has been dealt with: whatever is delivered again (after a crash, from an old checkpoint, by a second job) is
passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from music_contract.topics import TOPICS
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

QUERY = "music-stream"

COUNTS = (
    "read",
    "facts",
    "duplicates",
    "dimensions",
    "dead_letters",
    "late_events",
    "early_events",
    "unknown_fields",
)

Partition = tuple[str, int]
"""Topic and partition."""


@dataclass
class Fate:
    """What became of the records of a batch, per partition and kind of COUNTS."""

    counts: dict[str, Counter[Partition]] = field(
        default_factory=lambda: {kind: Counter() for kind in COUNTS}
    )

    def add(self, kind: str, partitions: Iterable[Partition]) -> None:
        """Count one record of each partition named."""
        self.counts[kind].update(partitions)

    def add_rows(self, kind: str, topic: str, rows: pa.Table) -> None:
        """Count the rows of a table with a column partition."""
        for entry in pc.value_counts(rows["partition"].combine_chunks()).to_pylist():
            self.counts[kind][topic, entry["values"]] += entry["counts"]

    def total(self, kind: str) -> int:
        """The sum over all partitions."""
        return self.counts[kind].total()


@dataclass(frozen=True)
class Span:
    """The offsets of one partition in a batch, both inclusive."""

    first: int
    last: int


def spans(batch: pa.Table) -> dict[Partition, Span]:
    """The offsets that a batch holds, per partition."""
    grouped = batch.select(["topic", "partition", "offset"]).group_by(["topic", "partition"])
    rows = grouped.aggregate([("offset", "min"), ("offset", "max")]).to_pylist()
    return {(row["topic"], row["partition"]): Span(row["offset_min"], row["offset_max"]) for row in rows}


def _newest(batch: pa.Table) -> dict[Partition, datetime]:
    """When the newest record of each partition was appended."""
    grouped = batch.select(["topic", "partition", "timestamp"]).group_by(["topic", "partition"])
    rows = grouped.aggregate([("timestamp", "max")]).to_pylist()
    return {(row["topic"], row["partition"]): row["timestamp_max"] for row in rows}


def positions(cursor: Cursor, topic_ids: Mapping[str, str]) -> dict[Partition, int]:
    """The next offset of each partition of the topics' present incarnations, locked until the transaction
    ends.
    """
    cursor.execute(
        "SELECT topic, partition, position FROM ops.partitions WHERE (topic, topic_id) IN %s "
        "ORDER BY 1, 2 FOR UPDATE",
        [tuple(topic_ids.items())],
    )
    return {(topic, partition): position for topic, partition, position in cursor.fetchall()}


def unseen(batch: pa.Table, known: Mapping[Partition, int]) -> pa.Table:
    """The records of a batch at or above their partition's position."""
    behind = [key for key, span in spans(batch).items() if span.first < known.get(key, 0)]
    for topic, partition in behind:
        here = pc.and_(pc.equal(batch["topic"], topic), pc.equal(batch["partition"], partition))
        batch = batch.filter(pc.invert(pc.and_(here, pc.less(batch["offset"], known[topic, partition]))))
    return batch


def record(
    cursor: Cursor,
    run_id: UUID,
    batch_id: int,
    batch: pa.Table,
    fate: Fate,
    known: Mapping[Partition, int],
    topic_ids: Mapping[str, str],
    watermark: datetime | None,
) -> dict[Partition, int]:
    """Write a batch into the ledger and move the positions; the records missing before it, per partition."""
    missing: dict[Partition, int] = {}
    rows = []
    appended_at = _newest(batch)
    offsets: dict[str, dict[str, list[int]]] = {}
    for key, span in sorted(spans(batch).items()):
        topic, partition = key
        offsets.setdefault(topic, {})[str(partition)] = [span.first, span.last]
        start = known.get(key, span.first)
        if TOPICS[topic].cleanup_policy == "delete" and span.first > start:
            missing[key] = span.first - start
        counts = (fate.counts[kind][key] for kind in COUNTS)
        place = (topic, partition, topic_ids[topic], span.last + 1, span.first, appended_at[key])
        rows.append((*place, *counts, missing.get(key, 0)))
    columns = ", ".join(COUNTS)
    sums = ", ".join(f"{kind} = p.{kind} + excluded.{kind}" for kind in (*COUNTS, "missing"))
    execute_values(
        cursor,
        f"""INSERT INTO ops.partitions AS p
                (topic, partition, topic_id, position, first_position, appended_at, {columns}, missing)
            VALUES %s ON CONFLICT (topic, partition, topic_id)
            DO UPDATE SET position = excluded.position, {sums}, updated_at = clock_timestamp(),
                appended_at = greatest(p.appended_at, excluded.appended_at)""",
        rows,
    )
    cursor.execute(
        f"""INSERT INTO ops.batches (query, run_id, batch_id, offsets, {columns}, watermark, committed_at)
            VALUES (%s, %s, %s, %s, {", ".join(["%s"] * len(COUNTS))}, %s, clock_timestamp())""",
        [QUERY, str(run_id), batch_id, orjson.dumps(offsets).decode(), *map(fate.total, COUNTS), watermark],
    )
    return missing


def watermark(cursor: Cursor) -> datetime | None:
    """The watermark that the last batch left; None before the first event."""
    cursor.execute("SELECT watermark FROM ops.watermarks WHERE query = %s", [QUERY])
    row = cursor.fetchone()
    return row[0] if row else None


def advance_watermark(cursor: Cursor, max_event_time: datetime, delay: timedelta) -> datetime:
    """Move the watermark to `delay` before the largest event time; it never goes back. The watermark now."""
    cursor.execute(
        """INSERT INTO ops.watermarks AS w (query, watermark, max_event_time, updated_at)
           VALUES (%s, %s, %s, clock_timestamp())
           ON CONFLICT (query) DO UPDATE SET watermark = greatest(w.watermark, excluded.watermark),
               max_event_time = greatest(w.max_event_time, excluded.max_event_time),
               updated_at = clock_timestamp()
           RETURNING watermark""",
        [QUERY, max_event_time - delay, max_event_time],
    )
    row = cursor.fetchone()
    assert row is not None
    moved: datetime = row[0]
    return moved


def note(cursor: Cursor, run_id: UUID, kind: str, detail: str) -> None:
    """Write a start, an end or a surprise into ops.query_events."""
    cursor.execute(
        "INSERT INTO ops.query_events (query, run_id, kind, detail) VALUES (%s, %s, %s, %s)",
        [QUERY, str(run_id), kind, detail],
    )
