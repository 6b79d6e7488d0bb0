"""What each record of a batch is: an event, a dimension's new state, or a dead letter. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from music_contract import schemas, times, wire
from music_contract.rules import COMPLETED_SHARE, STREAM_MIN_MS, Reason
from music_contract.topics import STREAM_EVENTS

from music_spark.records.event_schema import EVENT, FIELDS, MOMENTS, OBJECTS, TIMESTAMP, event_type

KnownIds = Callable[[str, Set[int]], Set[int]]
"""Says which of some schema ids the registry has for a topic."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIMULATOR = "simulator"
"""Source of an event that names none."""


@dataclass(frozen=True)
class Origin:
    """Where a record stands in Kafka, and when the broker put it there."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime


@dataclass(frozen=True)
class DeadLetter:
    """A record that nothing can be made of, with the reason."""

    origin: Origin
    reason: str
    detail: str
    key: bytes | None
    value: bytes | None
    value_bytes: int
    """The value's length, also where the value itself is gone."""


@dataclass
class Triaged:
    """A batch, sorted."""

    events: pa.Table
    """Valid events, a row each: the contract's fields with their types, partition, offset, timestamp, and the
    derived event_date, is_stream, is_completed.
    """
    dimensions: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """Schema name (user, song, ...) -> records in the order of their offsets."""
    deletions: list[Origin] = field(default_factory=list)
    """Empty values in dimension topics: compaction's tombstones, read and passed over."""
    dead_letters: list[DeadLetter] = field(default_factory=list)
    unknown_fields: list[Origin] = field(default_factory=list)
    """One entry per record that has fields the contract does not know."""


def event_arrow_schema() -> pa.Schema:
    """Columns of the events table before derivation, in the contract's order."""
    place = [("partition", pa.int32()), ("offset", pa.int64()), ("timestamp", TIMESTAMP)]
    return pa.schema([*(pa.field(*column) for column in place), *event_type()])


def triage(batch: pa.Table, known_schemas: KnownIds) -> Triaged:
    """Sort the records of a batch (columns of source.parse).

    `known_schemas` may raise where it cannot know.
    """
    plain = pc.is_valid(batch["event"])
    events = [_plain_events(batch.filter(plain))]
    triaged = Triaged(events=events[0])
    looked_at: list[dict[str, Any]] = []
    rest = batch.filter(pc.invert(plain)).drop_columns(["event"])
    for row in rest.append_column("unknown_schema", _unknown_schema_rows(rest, known_schemas)).to_pylist():
        _look_at(row, triaged, looked_at)
    if looked_at:
        events.append(pa.Table.from_pylist(looked_at, schema=event_arrow_schema()))
    triaged.events = _derive(pa.concat_tables(events))
    return triaged


def _unknown_schema_rows(batch: pa.Table, known_schemas: KnownIds) -> pa.ChunkedArray:
    ids: dict[str, set[int]] = defaultdict(set)
    for pair in (
        batch.select(["topic", "schema_id"]).group_by(["topic", "schema_id"]).aggregate([]).to_pylist()
    ):
        if pair["schema_id"] is not None:
            ids[pair["topic"]].add(pair["schema_id"])
    unknown = pa.chunked_array([pa.repeat(pa.scalar(False), len(batch))])
    for topic, found in ids.items():
        strange = pa.array(found - known_schemas(topic, found), batch.schema.field("schema_id").type)
        same = pc.and_(pc.equal(batch["topic"], topic), pc.is_in(batch["schema_id"], strange))
        unknown = pc.or_(unknown, same)
    return unknown


def _plain_events(rows: pa.Table) -> pa.Table:
    event = rows["event"].combine_chunks()
    names = [name for name in event_arrow_schema().names if name not in rows.column_names]
    fields = {name: rows[name] for name in ("partition", "offset", "timestamp")}
    if len(rows):
        fields |= {name: pc.struct_field(event, name) for name in names}
    else:
        fields |= {name: pa.array([], event_arrow_schema().field(name).type) for name in names}
    return pa.table(fields).cast(event_arrow_schema())


def _look_at(row: Mapping[str, Any], triaged: Triaged, events: list[dict[str, Any]]) -> None:
    """Judge one record with the contract and put it where it belongs."""
    origin = Origin(row["topic"], row["partition"], row["offset"], row["timestamp"].astimezone(UTC))
    schema = schemas.SUBJECTS[origin.topic]
    value: bytes | None = row["value"]

    def refuse(reason: str, detail: str) -> None:
        triaged.dead_letters.append(
            DeadLetter(origin, reason, detail, row["key"], value, row["value_bytes"] or 0)
        )

    if row["withheld_bytes"] is not None:
        refuse(Reason.GONE, f"a record of {row['withheld_bytes']} bytes, gone before it was read by itself")
        return
    if not value:
        if origin.topic != STREAM_EVENTS and value is None:
            triaged.deletions.append(origin)
        else:
            refuse(Reason.EMPTY, "the record has no value")
        return
    if row["unknown_schema"]:
        refuse(Reason.UNKNOWN_SCHEMA, f"the registry has no schema {row['schema_id']} for {origin.topic}")
        return
    record = schemas.read(schema, wire.unframe(value)[1], now=origin.appended_at)
    if isinstance(record, schemas.Rejection):
        refuse(record.reason, record.sentence)
        return
    unknown = schemas.unknown_fields(schema, record)
    if unknown:
        triaged.unknown_fields.append(origin)
    known = {name: value for name, value in record.items() if name not in unknown}
    if schema == EVENT:
        events.append(_event_row(known, origin))
    else:
        triaged.dimensions[schema].append(known)


def _event_row(record: dict[str, Any], origin: Origin) -> dict[str, Any]:
    row = {"partition": origin.partition, "offset": origin.offset, "timestamp": origin.appended_at}
    for name in FIELDS:
        value = record.get(name)
        if name in MOMENTS and value is not None:
            value = _EPOCH + timedelta(milliseconds=times.to_epoch_ms(value))
        elif name in OBJECTS:
            value = orjson.dumps(value).decode()
        row[name] = value
    return row


def _derive(events: pa.Table) -> pa.Table:
    """Add what the contract defines on top of its fields."""
    played, duration = events["ms_played"], events["song_duration_ms"]
    completed = pc.greater_equal(
        pc.cast(played, pa.float64()), pc.multiply(pc.cast(duration, pa.float64()), COMPLETED_SHARE)
    )
    long_enough = pc.greater_equal(played, STREAM_MIN_MS)
    stream = pc.if_else(pc.less(duration, STREAM_MIN_MS), completed, long_enough)
    source = pc.fill_null(events["source"], SIMULATOR)
    events = events.set_column(events.column_names.index("source"), "source", source)
    return (
        events.append_column("event_date", pc.cast(events["event_time"], pa.date32()))
        .append_column("is_stream", stream)
        .append_column("is_completed", completed)
    )
