"""One batch of the stream, committed in one transaction: all of it counts once, or none of it yet."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from music_contract.topics import STREAM_EVENTS
from psycopg2.extensions import cursor as Cursor

from music_spark import dead_letters, dimensions, facts, ledger, metrics
from music_spark.aggregation import TIMESTAMP
from music_spark.dead_letters import DeadLetterTopic, NotTaken
from music_spark.families import Family
from music_spark.ledger import Fate
from music_spark.postgres import Unreachable, Writer, WriterIsActive
from music_spark.registry import RegistryAway
from music_spark.triage import Triaged, triage

log = logging.getLogger(__name__)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the watermark before the first event."""

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0

Passing = (*Unreachable, WriterIsActive, RegistryAway, NotTaken)
"""Faults that pass by themselves: a server is away, another job holds the lock."""


@dataclass(frozen=True)
class Context:
    """What stays the same from batch to batch."""

    writer: Writer
    families: Mapping[str, Family]
    watermark_delay: timedelta
    run_id: UUID
    topic_ids: Mapping[str, str]
    """Kafka's id of each topic: a recreated topic has another, and its offsets begin anew."""
    is_known_schema: Callable[[str, int], bool]
    dead_letter_topic: DeadLetterTopic
    stopping: threading.Event


class Stopped(Exception):
    """The job was asked to stop while a batch waited for a server."""


def prepare(families: Mapping[str, Family]) -> Callable[[Cursor], None]:
    """What the writer's connection needs each time it is opened."""

    def run(cursor: Cursor) -> None:
        cursor.execute("SET TIME ZONE 'UTC'")
        dimensions.prepare(cursor)
        facts.prepare(cursor)
        metrics.prepare(cursor, families.values())

    return run


def process(context: Context, batch_id: int, batch: pa.Table) -> None:
    """Commit a batch (columns of source.parse); waits as long as a server is away, until the job stops.

    Raises:
        Stopped: the job was asked to stop before the batch was committed; the next run does it again.
    """
    pause = _FIRST_PAUSE_S
    while True:
        try:
            context.writer.transaction(lambda cursor: _commit(context, cursor, batch_id, batch))
            return
        except Passing as fault:
            log.warning("batch %d waits: %s", batch_id, " ".join(str(fault).split()))
        if context.stopping.wait(pause):
            raise Stopped
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _commit(context: Context, cursor: Cursor, batch_id: int, batch: pa.Table) -> None:
    positions = ledger.positions(cursor, context.topic_ids)
    batch = ledger.unseen(batch, positions)
    if not len(batch):
        return
    sorted_records = triage(batch, context.is_known_schema)
    fate = Fate()
    for (topic, partition), count in _rows_per_partition(batch):
        fate.counts["read"][topic, partition] = count
    fate.add(
        "dead_letters",
        ((letter.origin.topic, letter.origin.partition) for letter in sorted_records.dead_letters),
    )
    fate.add("unknown_fields", ((origin.topic, origin.partition) for origin in sorted_records.unknown_fields))

    watermark = _store(context, cursor, sorted_records, fate)
    for key in fate.counts["read"]:
        fate.counts["dimensions"][key] = (
            fate.counts["read"][key] - fate.counts["dead_letters"][key] if key[0] != STREAM_EVENTS else 0
        )
    dead_letters.record(cursor, sorted_records.dead_letters)
    missing = ledger.record(
        cursor, context.run_id, batch_id, batch, fate, positions, context.topic_ids, watermark
    )
    for (topic, partition), count in missing.items():
        detail = f"{count} records of {topic}, partition {partition}, were gone before they were read"
        log.error(detail)
        ledger.note(cursor, context.run_id, "records_missing", detail)
    # Last before the commit: whatever fails above sends nothing.
    context.dead_letter_topic.send(sorted_records.dead_letters)


def _rows_per_partition(batch: pa.Table) -> list[tuple[ledger.Partition, int]]:
    rows = (
        batch.select(["topic", "partition"]).group_by(["topic", "partition"]).aggregate([([], "count_all")])
    )
    return [((row["topic"], row["partition"]), row["count_all"]) for row in rows.to_pylist()]


def _store(context: Context, cursor: Cursor, records: Triaged, fate: Fate) -> datetime | None:
    """Dimensions, then facts, then what the new facts add to the metrics; the watermark after the batch."""
    before = ledger.watermark(cursor)
    content = context.families["content_performance"]
    completed_songs = dimensions.store(cursor, records.dimensions)
    if completed_songs:
        metrics.complete_genres(cursor, content, completed_songs, before or _BEGINNING)
    events = records.events
    if not len(events):
        return before
    new, resent = facts.store(cursor, facts.with_genres(cursor, events))
    fate.add_rows("facts", STREAM_EVENTS, new)
    fate.add_rows("duplicates", STREAM_EVENTS, resent)
    fate.add_rows("late_events", STREAM_EVENTS, _late(new, before))
    dimensions.infer_members(cursor, events)
    after = ledger.advance_watermark(cursor, _event_time_reached(events), context.watermark_delay)
    for family in context.families.values():
        metrics.add(cursor, family, new, after)
    if after != before:
        metrics.close_windows(cursor, context.families.values(), after)
    return after


def _event_time_reached(events: pa.Table) -> datetime:
    """The largest event time, where no event counts as later than the broker got it: a clock that is ahead
    must not close other listeners' windows.
    """
    event_time, appended_at = events["event_time"], events["timestamp"]
    reached = pc.max(pc.if_else(pc.less(event_time, appended_at), event_time, appended_at))
    time: datetime = reached.as_py()
    return time


def _late(events: pa.Table, watermark: datetime | None) -> pa.Table:
    """The events whose time the watermark had passed when they came."""
    if watermark is None:
        return events.slice(0, 0)
    return events.filter(pc.less(events["event_time"], pa.scalar(watermark, TIMESTAMP)))
