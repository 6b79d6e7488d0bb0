"""Events from JSON into typed Arrow columns, many at a time: the fast path of what music_contract judges.

Pure, and run on the executors. A record that does not surely keep to the contract, for whatever reason, is
handed on as it came, and music_contract judges it, one by one. So this may be too strict, for speed, but
never too lenient.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from music_contract import schemas
from music_contract.rules import MAX_FUTURE
from music_contract.topics import STREAM_EVENTS
from music_contract.wire import PREFIX_BYTES

from music_spark.records import event_text
from music_spark.records.event_schema import EVENT, FIELDS, IDENTITY, MOMENTS, OBJECTS, event_type

INLINE_BYTES = 1024
"""Key and value up to this length come with the batch; longer ones stay in Kafka until their turn comes
(portions.py), so that a batch of the largest records is no larger than one of the usual.
"""

PLAIN_BYTES = 2048
"""Longer values are not parsed here: an event of the contract has 300 to 700 bytes."""

_NEWLINE, _SPACE, _QUOTE, _OPEN, _CLOSE = b'\n "{}'
_SMALLEST_SLICE = 16
"""A slice of so few records that does not parse is looked at one by one."""

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.bool_]


def parse(records: pa.RecordBatch, event_schema_ids: Collection[int]) -> pa.Table:
    """Take records apart and parse the events among them.

    Args:
        records: topic, partition, offset, timestamp (when the broker appended it), key, value (null when it
            is longer than PLAIN_BYTES), prefix (its first bytes), value_bytes and record_bytes (the length of
            the value, and of key and value together).
        event_schema_ids: the schemas of the event topic that the registry is known to have. An event of any
            other is handed on, so that it can become a dead letter as it came.

    Returns:
        topic, partition, offset, timestamp, schema_id (null for bare JSON) and either event (a struct of
        event_schema.event_type()) for an event that surely keeps to the contract, or key, value and
        value_bytes for all that wants a closer look: dimensions, doubtful events, rubbish. Where key and
        value are long both are null, and withheld_bytes is their length together.
    """
    schema_ids = _schema_ids(records["prefix"])
    known = pc.fill_null(pc.is_in(schema_ids, pa.array(sorted(event_schema_ids), pa.int64())), False)
    candidates = pc.and_(
        pc.and_(pc.equal(records["topic"], STREAM_EVENTS), pc.is_valid(records["value"])),
        pc.or_(pc.is_null(schema_ids), known),
    )
    rows = np.flatnonzero(candidates.to_numpy(zero_copy_only=False))
    chosen = pa.array(rows)
    framed = pc.is_valid(schema_ids.take(chosen))
    values = _with_prefix(records["value"].take(chosen), framed)
    events, plain = _events(values, records["timestamp"].take(chosen))
    return _columns(records, schema_ids, events, rows[plain])


def parse_nothing(records: pa.RecordBatch) -> pa.Table:
    """Hand on every record as it came: what `parse` says of a slice without events."""
    nothing = pa.array([], event_type())
    return _columns(records, _schema_ids(records["prefix"]), nothing, np.zeros(0, np.int64))


def _columns(
    records: pa.RecordBatch, schema_ids: pa.Array, events: pa.StructArray, plain: npt.NDArray[np.int64]
) -> pa.Table:
    is_plain = np.zeros(len(records), np.bool_)
    is_plain[plain] = True
    if len(plain) < len(records):
        at = np.cumsum(is_plain) - 1
        events = events.take(pa.array(at, pa.int64(), mask=~is_plain))
    inline = pc.and_(pc.less_equal(records["record_bytes"], INLINE_BYTES), pa.array(~is_plain))
    withheld = pc.and_(pc.greater(records["record_bytes"], INLINE_BYTES), pa.array(~is_plain))
    nothing = pa.scalar(None, pa.binary())
    return pa.table(
        {
            **{name: records[name] for name in ("topic", "partition", "offset", "timestamp")},
            "schema_id": schema_ids,
            "event": events,
            "key": pc.if_else(inline, records["key"], nothing),
            "value": pc.if_else(inline, records["value"], nothing),
            "value_bytes": records["value_bytes"],
            "withheld_bytes": pc.if_else(withheld, records["record_bytes"], pa.scalar(None, pa.int64())),
        }
    )


def _schema_ids(values: pa.Array) -> pa.Array:
    """The id behind the magic byte of each framed value; null for bare JSON and for no value."""
    offsets, content = _buffers(values)
    starts = offsets[:-1].astype(np.int64)
    framed = np.diff(offsets) >= PREFIX_BYTES
    starts = np.where(framed, starts, 0)
    if not framed.any():
        return pa.nulls(len(values), pa.int64())
    framed &= content[starts] == 0
    ids = np.zeros(len(values), np.int64)
    for byte in range(1, PREFIX_BYTES):
        # A value shorter than its prefix is not framed: what is read in its place does not count.
        ids = (ids << 8) | content[np.minimum(starts + byte, len(content) - 1)]
    return pa.array(ids, mask=~framed)


def _with_prefix(values: pa.Array, framed: pa.Array) -> pa.Array:
    """The values, all with room for a prefix before their JSON."""
    if pc.all(framed).as_py() is not False:
        return values
    padded = pc.binary_join_element_wise(b"\0" * PREFIX_BYTES, values, b"")
    return pc.if_else(framed, values, padded)


def _buffers(values: pa.Array) -> tuple[npt.NDArray[np.int32], Bytes]:
    """The offsets (one more than there are values) and the content of a binary array."""
    _, offsets, content = values.buffers()
    if offsets is None or not len(values):
        return np.zeros(len(values) + 1, np.int32), np.zeros(0, np.uint8)
    window = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return window, np.frombuffer(content, np.uint8) if content else np.zeros(0, np.uint8)


def _events(values: pa.Array, appended_at: pa.Array) -> tuple[pa.StructArray, npt.NDArray[np.int64]]:
    """The plain ones among framed values, as events, and their row numbers."""
    rows = np.arange(len(values))
    text = _Lines.of(values)
    clean = text.clean()
    if not clean.all():
        rows = rows[clean]
        text = _Lines.of(values.take(pa.array(rows)))
    found = list(_read(text, 0, len(rows)))
    if not found:
        return pa.array([], event_type()), rows[:0]
    table = pa.concat_tables(part for part, _ in found)
    kept = np.concatenate([np.arange(*span) for _, span in found])
    rows = rows[kept]
    quotes = text.quotes()[kept]
    events, plain = _typed(table, appended_at.take(pa.array(rows)), quotes, text, kept)
    if plain.all():
        return events, rows
    return events.filter(pa.array(plain)), rows[plain]


@dataclass(frozen=True)
class _Lines:
    """Framed values as lines of JSON: the first byte of each prefix is a line's end, the rest of it blank."""

    content: Bytes
    starts: npt.NDArray[np.int64]
    """Where each line begins, and where the last one ends."""

    @classmethod
    def of(cls, values: pa.Array) -> _Lines:
        offsets, content = _buffers(values)
        starts = offsets.astype(np.int64) - int(offsets[0])
        lines = content[int(offsets[0]) : int(offsets[-1])].copy()
        for byte in range(PREFIX_BYTES):
            lines[starts[:-1] + byte] = _SPACE
        return cls(lines, starts)

    def clean(self) -> Rows:
        """The lines that can be read together: each begins and ends as an object does, and holds printable
        ASCII only, no escape and no list.

        A control character could end a line, or the reader's input, early; the contract's values are ASCII
        without escapes; and lists could nest without end. What has them may be valid (blanks between fields,
        an unknown field), so it is looked at one by one. From one object's end to the next one's start there
        is a line's end only, which JSON knows between documents and nowhere else: so as many documents as
        lines means one document a line.
        """
        strange = np.flatnonzero((self.content - _SPACE) > 94)
        strange = np.concatenate([strange, np.flatnonzero((self.content == 0x5C) | (self.content == 0x5B))])
        clean = self.content[np.minimum(self.starts[:-1] + PREFIX_BYTES, len(self.content) - 1)] == _OPEN
        clean &= self.content[self.starts[1:] - 1] == _CLOSE
        clean[np.searchsorted(self.starts, strange, side="right") - 1] = False
        return np.asarray(clean)

    def json(self, start: int, end: int) -> pa.Buffer:
        """The lines from start up to end, each with a line's end before it."""
        lines = self.content[self.starts[start] : self.starts[end]]
        lines[self.starts[start:end] - self.starts[start]] = _NEWLINE
        return pa.py_buffer(lines)

    def quotes(self) -> npt.NDArray[np.int64]:
        """The number of quotation marks of each line."""
        found: npt.NDArray[np.int64] = np.diff(
            np.searchsorted(np.flatnonzero(self.content == _QUOTE), self.starts)
        )
        return found

    def texts(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Some lines as text."""
        lines = pa.StringArray.from_buffers(
            len(self.starts) - 1, pa.py_buffer(self.starts.astype(np.int32)), pa.py_buffer(self.content)
        )
        return lines.take(pa.array(rows))


def _read(text: _Lines, start: int, end: int) -> Iterator[tuple[pa.Table, tuple[int, int]]]:
    """Parse the lines from start up to end; parts that do not parse are cut in halves until they are small.

    So one bad record costs its neighbours a second reading, not their place on the fast path.
    """
    if start == end:
        return
    try:
        table = pa.json.read_json(
            pa.BufferReader(text.json(start, end)),
            pa.json.ReadOptions(use_threads=False, block_size=1 << 22),
            _parse_options(),
        )
    except pa.ArrowInvalid:
        table = None
    if table is not None and len(table) == end - start:
        yield table, (start, end)
    elif end - start > _SMALLEST_SLICE:
        middle = (start + end) // 2
        yield from _read(text, start, middle)
        yield from _read(text, middle, end)


@cache
def _parse_options() -> pa.json.ParseOptions:
    types = {"string": pa.string(), "integer": pa.int64(), "boolean": pa.bool_(), "object": pa.struct([])}
    schema = pa.schema([(name, types[rule["type"]]) for name, rule in FIELDS.items()])
    # What it ignores is seen by its quotation marks.
    return pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")


def _typed(
    table: pa.Table,
    appended_at: pa.Array,
    quotes: npt.NDArray[np.int64],
    text: _Lines,
    rows: npt.NDArray[np.int64],
) -> tuple[pa.StructArray, Rows]:
    """The columns of events from their fields as text, and which rows keep to the contract."""
    table = table.combine_chunks()
    plain = np.ones(len(table), np.bool_)
    typed: dict[str, Any] = {}
    expected = np.zeros(len(table), np.int64)
    for name, rule in FIELDS.items():
        column = table[name].combine_chunks() if isinstance(table[name], pa.ChunkedArray) else table[name]
        present = column.is_valid().to_numpy(zero_copy_only=False)
        if name in _required():
            plain &= present
        expected += np.where(present, 4 if rule["type"] == "string" else 2, 0)
        if name in OBJECTS:
            continue
        if name == IDENTITY:
            typed[name], kept = column, event_text.uuids(column)[1]
        elif name in MOMENTS:
            typed[name], kept = event_text.moments(column)
        else:
            typed[name], kept = column, _keeps(name, column, rule)
        plain &= kept | ~present
    for name in OBJECTS:
        typed[name], entries = _maps(name, text, rows, quotes - expected, plain)
        expected += entries
    # Unknown fields, repeated fields, explicit nulls and nested values all break this equality.
    plain &= quotes == expected
    latest = pc.add(appended_at, pa.scalar(MAX_FUTURE, pa.duration("us")))
    on_time = pc.fill_null(pc.less_equal(typed["event_time"], latest), False)
    plain &= on_time.to_numpy(zero_copy_only=False)
    kinds = list(event_type())
    return pa.StructArray.from_arrays([typed[kind.name] for kind in kinds], fields=kinds), plain


@cache
def _required() -> frozenset[str]:
    return frozenset(schemas.load(EVENT)["required"])


def _keeps(name: str, column: pa.Array, rule: dict[str, Any]) -> Rows:
    """Whether each value of a field keeps to its rule; of no meaning where there is none."""
    kept = None
    if "enum" in rule:
        kept = pc.is_in(column, pa.array(rule["enum"]))
    elif "pattern" in rule:
        # The whole of it: the contract matches patterns so.
        kept = pc.match_substring_regex(column, rf"\A(?:{rule['pattern']})\z")
    longest = schemas.longest_text(name, rule)
    if longest is not None:
        short = pc.less_equal(pc.utf8_length(column), longest)
        kept = short if kept is None else pc.and_(kept, short)
    for bound, test in (("minimum", pc.greater_equal), ("maximum", pc.less_equal)):
        if bound in rule:
            within = test(column, rule[bound])
            kept = within if kept is None else pc.and_(kept, within)
    if kept is None:
        return np.ones(len(column), np.bool_)
    found: Rows = pc.fill_null(kept, False).to_numpy(zero_copy_only=False)
    return found


def _maps(
    name: str, text: _Lines, rows: npt.NDArray[np.int64], surplus: npt.NDArray[np.int64], plain: Rows
) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """An object of texts as JSON, and the quotation marks in it.

    Most are empty. The reader passes over the entries of the others; they are found again by the field's name
    between quotation marks, which no value can hold without an escape. Few of them differ: each is judged
    once.
    """
    entries = np.zeros(len(rows), np.int64)
    filled = np.flatnonzero((surplus > 0) & plain)
    empty = pa.repeat(pa.scalar("{}"), len(rows))
    if not len(filled):
        return empty, entries
    pattern = rf'"{name}":(?P<map>\{{[^{{}}]*\}})'
    objects = pc.struct_field(pc.extract_regex(text.texts(rows[filled]), pattern), "map").dictionary_encode()
    judged = [_judged_map(name, value) for value in objects.dictionary.to_pylist()]
    marks = pa.array([marks for _, marks in judged], pa.int64()).take(objects.indices)
    entries[filled] = pc.fill_null(marks, 0).to_numpy(zero_copy_only=False)
    texts = pa.array([text for text, _ in judged], pa.string()).take(objects.indices)
    is_filled = np.zeros(len(rows), np.bool_)
    is_filled[filled] = True
    return pc.replace_with_mask(empty, pa.array(is_filled), pc.fill_null(texts, "{}")), entries


def _judged_map(name: str, entry: str) -> tuple[str, int]:
    """An object's canonical JSON and its quotation marks; none of them counts when it breaks the contract."""
    try:
        value = orjson.loads(entry)
    except orjson.JSONDecodeError:
        return "{}", 0
    if schemas.judge_field(EVENT, name, value):
        return "{}", 0
    return orjson.dumps(value).decode(), 4 * len(value)
