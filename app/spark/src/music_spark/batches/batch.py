"""One batch of the stream, committed in one transaction: all of it counts once, or none of it yet."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaException
from music_contract.rules import IMPORT_SOURCE, Reason
from music_contract.topics import STREAM_EVENTS
from psycopg2.extensions import cursor as Cursor

from music_spark.aggregation.families import Family
from music_spark.batches import portions, refusals
from music_spark.batches.backlog import Backlog
from music_spark.batches.refusals import Refusal, Refused
from music_spark.reading.registry import RegistryAway
from music_spark.reading.rereading import Content, NotGiven, Place
from music_spark.records.event_schema import TIMESTAMP
from music_spark.records.triage import DeadLetter, KnownIds, Origin, Triaged, triage
from music_spark.warehouse import dead_letters, dimensions, facts, ledger, metrics
from music_spark.warehouse.dead_letters import DeadLetterTopic, NotTaken
from music_spark.warehouse.dimensions import KnownMembers
from music_spark.warehouse.ledger import Fate
from music_spark.warehouse.postgres import Unreachable, Writer, WriterIsActive

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0

Passing = (*Unreachable, WriterIsActive, RegistryAway, NotTaken, NotGiven, KafkaException)
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
    check_topics: Callable[[Mapping[str, str]], None]
    """Raises when a topic has another id by now: its records are then not those of the stored positions."""
    read_again: Callable[[Iterable[Place]], dict[Place, Content]]
    known_schemas: KnownIds
    dead_letter_topic: DeadLetterTopic
    stopping: threading.Event
    members: KnownMembers = field(default_factory=KnownMembers)
    backlog: Backlog = field(default_factory=lambda: Backlog(1))
    meanwhile: Executor = field(default_factory=lambda: ThreadPoolExecutor(1, "aggregation"))
    """Reckons while PostgreSQL works."""


class Stopped(Exception):
    """The job was asked to stop while a batch waited for a server."""


def prepare(families: Mapping[str, Family]) -> Callable[[Cursor], None]:
    """What the writer's connection needs each time it is opened."""

    def run(cursor: Cursor) -> None:
        cursor.execute("SET TIME ZONE 'UTC'")
        # Every statement of a batch looks single keys up; of a staging table without statistics the planner
        # would now and then read a whole history to join it.
        cursor.execute("SET enable_hashjoin = off")
        cursor.execute("SET enable_mergejoin = off")
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
    refused: Refused = {}
    while True:
        try:
            context.check_topics(context.topic_ids)
            batch = portions.with_contents(batch, _read_again(context, portions.withheld(batch)))
            try:
                _commit(context, batch_id, batch, refused)
                context.members.confirm()
                return
            except Refusal as fault:
                found = _find_refused(context, batch, refused)
                if not found:
                    raise
                log.error("batch %d: %d records become dead letters: %s", batch_id, len(found), fault)
                refused = {**refused, **found}
                continue
        except Passing as fault:
            log.warning("batch %d waits: %s", batch_id, " ".join(str(fault).split()))
        if context.stopping.wait(pause):
            raise Stopped
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _read_again(context: Context, places: Sequence[Place]) -> dict[Place, Content]:
    """What stands at places of the batch's own topics: recreated meanwhile, they have other records there."""
    contents = context.read_again(places)
    if places:
        context.check_topics(context.topic_ids)
    return contents


def _find_refused(context: Context, batch: pa.Table, refused: Refused) -> Refused:
    """The records that PostgreSQL refuses by themselves, beside those that are known."""

    def search(cursor: Cursor) -> Refused:
        def attempt(rows: pa.Table) -> None:
            cursor.execute("SAVEPOINT attempt")
            try:
                records = triage(rows, context.known_schemas)
                _store(context, cursor, records, Fate())
                dead_letters.record(cursor, records.dead_letters)
            finally:
                if not cursor.connection.closed:
                    # Released too: kept ones lie in each other, and each that wrote holds a lock.
                    cursor.execute("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt")

        unseen = ledger.unseen(batch, ledger.positions(cursor, context.topic_ids))
        return refusals.find(refusals.divide(unseen, refused)[0], attempt)

    return context.writer.transaction(search)


def _commit(context: Context, batch_id: int, batch: pa.Table, refused: Refused) -> None:
    context.writer.transaction(lambda cursor: _write(context, cursor, batch_id, batch, refused))


def _write(context: Context, cursor: Cursor, batch_id: int, batch: pa.Table, refused: Refused) -> None:
    context.members.begin()
    positions = ledger.positions(cursor, context.topic_ids)
    batch = ledger.unseen(batch, positions)
    if not len(batch):
        return
    storable, not_storable = refusals.divide(batch, refused)
    sorted_records = triage(storable, context.known_schemas)
    sorted_records.dead_letters += _refused_letters(context, not_storable, refused)
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


def _refused_letters(context: Context, rows: pa.Table, refused: Refused) -> list[DeadLetter]:
    contents = _read_again(context, refusals.places(rows))
    letters = []
    for row in rows.select(["topic", "partition", "offset", "timestamp", "value_bytes"]).to_pylist():
        place = (row["topic"], row["partition"], row["offset"])
        key, value = contents.get(place, (None, None))
        origin = Origin(*place, row["timestamp"].astimezone(UTC))
        letters.append(
            DeadLetter(origin, Reason.NOT_STORABLE, refused[place], key, value, row["value_bytes"] or 0)
        )
    return letters


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
        metrics.complete_genres(cursor, content, completed_songs)
    events = records.events
    if not len(events):
        return before
    new, resent = facts.divide(cursor, facts.with_genres(cursor, events))
    deltas = metrics.reckon(context.families.values(), new, context.meanwhile)
    facts.store(cursor, new)
    fate.add_rows("facts", STREAM_EVENTS, new)
    fate.add_rows("duplicates", STREAM_EVENTS, resent)
    fate.add_rows("late_events", STREAM_EVENTS, _late(new, before))
    fate.add_rows("early_events", STREAM_EVENTS, new.filter(pc.greater(new["event_time"], new["timestamp"])))
    dimensions.infer_members(cursor, events, context.members)
    after = ledger.advance_watermark(cursor, _event_time_reached(events), context.watermark_delay)
    metrics.add(cursor, deltas)
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
    """The events whose time the watermark had passed when they came; a history is old, not late."""
    if watermark is None:
        return events.slice(0, 0)
    passed = pc.less(events["event_time"], pa.scalar(watermark, TIMESTAMP))
    return events.filter(pc.and_(passed, pc.not_equal(events["source"], IMPORT_SOURCE)))
