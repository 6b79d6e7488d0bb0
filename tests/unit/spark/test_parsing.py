"""The fast path takes what surely keeps to the contract, and never more."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from music_contract import schemas, wire
from music_contract.rules import MAX_FUTURE, MAX_ID_LENGTH
from music_spark.records import parsing
from music_spark.records.event_schema import TIMESTAMP

from tests import mutations
from tests.records import (
    APPENDED_AT,
    EVENT,
    KNOWN_SCHEMA,
    Record,
    bare,
    column_values,
    event_records,
    framed,
    playback,
    user,
)

SEED = 20_261_124


def raw(records: Iterable[Record]) -> pa.RecordBatch:
    """The records as Spark hands them to the workers."""
    columns = {"topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "timestamp": TIMESTAMP}
    columns |= {"key": pa.binary(), "value": pa.binary(), "prefix": pa.binary()}
    columns |= {"value_bytes": pa.int64(), "record_bytes": pa.int64()}
    rows = [
        {
            **{name: getattr(record, name) for name in ("topic", "partition", "offset", "timestamp", "key")},
            "value": record.value if len(record.value or b"") <= parsing.PLAIN_BYTES else None,
            "prefix": None if record.value is None else record.value[:5],
            "value_bytes": None if record.value is None else len(record.value),
            "record_bytes": len(record.key or b"") + len(record.value or b""),
        }
        for record in records
    ]
    return pa.RecordBatch.from_pylist(rows, pa.schema(columns.items()))


@dataclass
class Found:
    """Offset -> event of those on the fast path, and the rows of all others."""

    events: dict[int, dict[str, Any]]
    others: list[dict[str, Any]]


def parsed(records: Iterable[Record]) -> Found:
    rows = parsing.parse(raw(records), {KNOWN_SCHEMA}).to_pylist()
    return Found(
        {row["offset"]: row["event"] for row in rows if row["event"]},
        [row for row in rows if not row["event"]],
    )


def taken(*values: bytes | None) -> list[int]:
    """Which of the values take the fast path."""
    return list(parsed(Record(value, offset=n) for n, value in enumerate(values)).events)


def test_an_event_on_the_fast_path_is_what_the_contract_reads() -> None:
    chance = random.Random(SEED)
    events = [mutations.valid(chance) for _ in range(300)]
    values = [framed(event) if chance.random() < 0.5 else bare(event) for event in events]
    found = parsed(Record(value, partition=3, offset=n) for n, value in enumerate(values))
    assert len(found.events) == len(events)
    assert not len(found.others)
    for offset, event in enumerate(events):
        assert found.events[offset] == dict(column_values(event))


def test_whatever_takes_the_fast_path_keeps_to_the_contract_and_has_no_other_field() -> None:
    values = list(mutations.all_kinds(SEED, events=200, random_values=2_000))
    found = parsed(Record(value, offset=n) for n, value in enumerate(values))
    assert sorted([*found.events, *(row["offset"] for row in found.others)]) == list(range(len(values)))
    rows = found.events
    for offset, row in rows.items():
        value = values[offset]
        assert value is not None
        schema_id, payload = wire.unframe(value)
        assert schema_id in (None, KNOWN_SCHEMA)
        event = schemas.read(EVENT, payload, now=APPENDED_AT)
        assert not isinstance(event, schemas.Rejection), (payload, event)
        assert not schemas.unknown_fields(EVENT, event), payload
        assert {name: row[name] for name in event} == {
            name: column for name, column in column_values(event) if name in event
        }
    print(f"{len(values)} values, {len(rows)} on the fast path")
    assert len(rows) > 200


def test_an_id_that_is_too_long_is_left_to_the_contract() -> None:
    lengths = (MAX_ID_LENGTH, MAX_ID_LENGTH + 1)
    assert taken(*(framed(playback(n, user_id="a" * (lengths[n] - 2) + "-1")) for n in range(2))) == [0]


@pytest.mark.parametrize("bad", [b"{}", b"", None, b'{"a": {}}{"b": {}}', b"{" * 3 + b"}", framed(user())])
def test_a_bad_record_takes_its_neighbours_from_the_fast_path_only_when_they_are_few(
    bad: bytes | None,
) -> None:
    good = [framed(playback(n)) for n in range(500)]
    found = taken(*good[:300], bad, *good[300:])
    assert 300 not in found
    assert len(found) >= 500 - 16


def test_two_events_in_one_value_do_not_make_up_for_one_that_is_cut_off() -> None:
    good = framed(playback(1))
    for pair in (
        (good + bare(playback(2)), good + b"\x00}"),
        (good + bare(playback(2)), framed({})[:-1] + b"\x00}"),
        (good[:-1] + b',"a":"}', b'\x00\x00\x00\x00\x01{","b":{}}'),
        (good[:-1] + b',"a":[{}', b"\x00\x00\x00\x00\x01{}]}"),
    ):
        assert taken(good, *pair, good) in ([0, 3], [])


def test_filled_experiments_take_the_fast_path_too_and_are_judged() -> None:
    for value, expected in (
        ({"home-page": "b"}, True),
        ({"home-page": "b", "x": "A"}, True),
        ({"home-page": ""}, False),
        ({"home-page": True}, False),
        ({"experiments": "b"}, True),
        ({"home page": "b"}, False),
        ({f"e{n}": "v" for n in range(65)}, False),
    ):
        event = playback(experiments=value)
        found = parsed(event_records(playback(2), event))
        assert (list(found.events) == [0, 1]) == expected, value
        if expected:
            assert json.loads(found.events[1]["experiments"]) == value


def test_an_object_of_the_same_name_inside_an_unknown_field_is_not_taken_for_the_fields_own() -> None:
    for event in (
        {"x": {"experiments": {"a": "b"}}, **playback()},
        {**playback(experiments={"a": "b"}), "x": {"experiments": {"a": "b"}}},
        {"x": {"experiments": {}}, **playback(experiments={"a": "b"})},
    ):
        assert taken(framed(event)) == []


def test_an_event_ahead_of_the_brokers_clock_is_not_taken() -> None:
    late = APPENDED_AT - timedelta(minutes=1) - MAX_FUTURE
    event = playback(event_time="2026-11-23T18:04:00.000Z")
    assert list(parsed([Record(framed(event), timestamp=late)]).events) == [0]
    assert not len(parsed([Record(framed(event), timestamp=late - timedelta(milliseconds=1))]).events)


def test_what_the_fast_path_took_is_not_carried_a_second_time() -> None:
    (row,) = parsing.parse(raw([Record(framed(playback()), key=b"user-1")]), {KNOWN_SCHEMA}).to_pylist()
    assert (row["key"], row["value"], row["withheld_bytes"]) == (None, None, None)
    assert row["value_bytes"] == len(framed(playback()))


def test_a_long_record_is_withheld_and_only_its_length_is_told() -> None:
    values = [b"x" * 1021, b"x" * 1022, b"x" * 1_000_000]
    others = parsed(Record(value, key=b"key", offset=n) for n, value in enumerate(values)).others
    assert [row["value"] for row in others] == [values[0], None, None]
    assert [row["withheld_bytes"] for row in others] == [None, 1025, 1_000_003]


def test_a_slice_cut_out_of_a_longer_one_is_read_in_its_place() -> None:
    batch = raw(Record(framed(playback(n)), offset=n) for n in range(20))
    part = batch.slice(5, 7)
    nothing = parsing.parse_nothing(part)
    assert nothing["offset"].to_pylist() == list(range(5, 12))
    assert nothing["schema_id"].to_pylist() == [KNOWN_SCHEMA] * 7
    whole = parsing.parse(batch, {KNOWN_SCHEMA})
    assert parsing.parse(part, {KNOWN_SCHEMA}).to_pylist() == whole.slice(5, 7).to_pylist()
