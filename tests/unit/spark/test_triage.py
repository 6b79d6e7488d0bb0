"""Every record of a batch becomes an event, a dimension's state, a deletion or a dead letter."""

import json
from collections.abc import Callable, Set
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_contract import rules, times
from music_contract.rules import MAX_MS_PLAYED, MAX_VALUE_BYTES, Reason
from music_contract.topics import STREAM_EVENTS
from music_spark.records.triage import KnownIds, Triaged, triage

from tests.records import (
    APPENDED_AT,
    USERS,
    Record,
    bare,
    column_values,
    dimension_records,
    event_records,
    framed,
    location,
    parsed,
    playback,
    user,
    whole,
)


def any_schema(topic: str, ids: Set[int]) -> Set[int]:
    return ids


def sort(*records: Record, known: KnownIds = any_schema, quick: bool = True) -> Triaged:
    return triage(whole(records, quick=quick), known)


def reasons(triaged: Triaged) -> list[str]:
    return [letter.reason for letter in triaged.dead_letters]


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in playback().items() if name != field}


def test_a_valid_event_has_the_contracts_fields_and_what_follows_from_them() -> None:
    event = playback(source="import", experiments={"home-page": "b"})
    triaged = sort(Record(framed(event), partition=7, offset=42))
    assert triaged.events.to_pylist() == [
        {
            "partition": 7,
            "offset": 42,
            "timestamp": APPENDED_AT,
            **dict(column_values(event)),
            "event_date": date(2026, 11, 23),
            "is_stream": True,
            "is_completed": True,
        }
    ]
    assert not triaged.dead_letters
    assert not triaged.unknown_fields


def test_a_parsed_event_and_one_that_is_looked_at_become_the_same_row() -> None:
    records = event_records(playback(1), playback(2, source="import"), playback(3, ms_played=0))
    quick, slow = sort(*records), sort(*records, quick=False)
    assert quick.events.schema == slow.events.schema
    assert quick.events.to_pylist() == slow.events.to_pylist()


def test_an_event_without_a_source_comes_from_the_simulator() -> None:
    for quick in (True, False):
        assert sort(*event_records(playback()), quick=quick).events["source"].to_pylist() == ["simulator"]


def test_bare_json_is_as_good_as_framed() -> None:
    framed_row, bare_row = (
        sort(Record(value)).events.to_pylist() for value in (framed(playback()), bare(playback()))
    )
    assert framed_row == bare_row
    assert len(bare_row) == 1


EXPECTED_REASONS: list[tuple[bytes | None, Reason]] = [
    (None, Reason.EMPTY),
    (b"", Reason.EMPTY),
    (framed(playback())[:5], Reason.EMPTY),
    (b"this is not JSON", Reason.NOT_JSON),
    (framed(playback())[:-1], Reason.NOT_JSON),
    (framed(playback()) + b"}", Reason.NOT_JSON),
    (bare(playback()).replace(b"premium", b"\xff\xfe"), Reason.NOT_JSON),
    (b"\x00\x00", Reason.NOT_JSON),
    (b" " * (MAX_VALUE_BYTES + 1 - len(bare(playback()))) + bare(playback()), Reason.TOO_LARGE),
    (framed(without("song_id")), Reason.MISSING_FIELD),
    (b"[]", Reason.WRONG_TYPE),
    (framed(playback(ms_played="180000")), Reason.WRONG_TYPE),
    (framed(playback(user_id=123)), Reason.WRONG_TYPE),
    (framed(playback(skipped=None)), Reason.WRONG_TYPE),
    (framed(playback(song_id="42")), Reason.BAD_VALUE),
    (framed(playback(reason_end="bored")), Reason.BAD_VALUE),
    (framed(playback(started_at="2026-02-31T00:00:00.000Z")), Reason.BAD_VALUE),
    (framed(playback(event_time="2026-11-23T18:10:00.001Z")), Reason.FUTURE_TIME),
    (framed(playback(ms_played=-1)), Reason.NEGATIVE_MS_PLAYED),
    (framed(playback(ms_played=MAX_MS_PLAYED + 1)), Reason.ABSURD_MS_PLAYED),
]


@pytest.mark.parametrize(("value", "reason"), EXPECTED_REASONS)
def test_a_bad_record_is_refused_with_its_reason_and_kept_as_it_came(
    value: bytes | None, reason: Reason
) -> None:
    record = Record(value, partition=3, offset=9, key=b"user-000123")
    neighbours = [Record(framed(playback(n)), partition=3, offset=offset) for n, offset in ((1, 8), (2, 10))]
    triaged = sort(neighbours[0], record, neighbours[1])
    assert reasons(triaged) == [reason]
    (letter,) = triaged.dead_letters
    assert (letter.origin.topic, letter.origin.partition, letter.origin.offset) == (STREAM_EVENTS, 3, 9)
    assert letter.origin.appended_at == APPENDED_AT
    assert (letter.key, letter.value, letter.value_bytes) == (b"user-000123", value, len(value or b""))
    assert letter.detail
    assert triaged.events["offset"].to_pylist() == [8, 10]


def test_every_reason_of_the_contract_is_met_by_a_test_here() -> None:
    assert {reason for _, reason in EXPECTED_REASONS} | {Reason.UNKNOWN_SCHEMA, Reason.GONE} == (
        set(Reason) - {Reason.NOT_STORABLE}
    )


def test_a_schema_id_that_the_registry_does_not_have_is_refused_however_good_the_event() -> None:
    asked: list[tuple[str, Set[int]]] = []

    def only_five(topic: str, ids: Set[int]) -> Set[int]:
        asked.append((topic, ids))
        return ids & {5}

    records = [Record(framed(playback(n), schema_id=n), offset=n) for n in (5, 6, 2**32 - 1)]
    triaged = sort(
        *records, Record(framed(playback(3), 6), offset=9), Record(bare(playback(4))), known=only_five
    )
    assert sorted(triaged.events["event_id"].to_pylist()) == [playback(n)["event_id"] for n in (4, 5)]
    assert reasons(triaged) == [Reason.UNKNOWN_SCHEMA] * 3
    assert "4294967295" in triaged.dead_letters[1].detail
    assert triaged.dead_letters[0].value == framed(playback(6), 6)
    assert asked == [(STREAM_EVENTS, {5, 6, 2**32 - 1})], "once for all of a topic"


def test_a_schema_id_counts_for_its_own_topic_only() -> None:
    records = [Record(framed(playback(), 9)), Record(framed(user(), 9), topic=USERS)]
    triaged = sort(*records, known=lambda topic, ids: ids if topic == USERS else set[int]())
    assert reasons(triaged) == [Reason.UNKNOWN_SCHEMA]
    assert triaged.dimensions == {"user": [user()]}


def test_a_question_that_the_registry_does_not_answer_stops_the_batch() -> None:
    def away(topic: str, ids: Set[int]) -> Set[int]:
        raise ConnectionError("the registry is away")

    with pytest.raises(ConnectionError):
        sort(Record(framed(playback(), 9)), known=away)


def test_a_record_that_was_gone_before_it_was_read_whole_is_a_dead_letter_with_its_length() -> None:
    value = bare(playback()) + b" " * 1_000_000
    (letter,) = triage(parsed([Record(value)]), any_schema).dead_letters
    assert (letter.reason, letter.key, letter.value) == (Reason.GONE, None, None)
    assert letter.value_bytes == len(value)


@pytest.mark.parametrize("frame", [bare, framed])
def test_a_value_of_the_largest_size_is_read_and_one_byte_more_is_not(
    frame: Callable[[object], bytes],
) -> None:
    padding = b" " * (MAX_VALUE_BYTES - len(bare(playback())))
    assert len(sort(Record(frame(playback()) + padding)).events) == 1
    assert reasons(sort(Record(frame(playback()) + padding + b" "))) == [Reason.TOO_LARGE]


def test_unknown_fields_are_counted_and_left_out() -> None:
    triaged = sort(
        Record(framed(playback(1, mood="happy", hour=4)), offset=1),
        Record(framed(playback(2)), offset=2),
        Record(framed(user(shoe_size=38)), topic=USERS, offset=3),
    )
    assert sorted(triaged.events["offset"].to_pylist()) == [1, 2]
    assert "mood" not in triaged.events.column_names
    assert triaged.dimensions == {"user": [user()]}
    assert [(origin.topic, origin.offset) for origin in triaged.unknown_fields] == [
        (STREAM_EVENTS, 1),
        (USERS, 3),
    ]


def test_a_tombstone_deletes_nothing_and_is_no_fault() -> None:
    triaged = sort(Record(None, topic=USERS, offset=4, key=b"user-1"))
    assert [origin.offset for origin in triaged.deletions] == [4]
    assert not triaged.dead_letters
    assert not triaged.dimensions


def test_an_empty_text_is_no_tombstone() -> None:
    assert reasons(sort(Record(b"", topic=USERS))) == [Reason.EMPTY]


def test_dimension_records_are_sorted_by_their_topic_in_the_order_of_their_offsets() -> None:
    newer = user(subscription="premium", updated_at="2026-02-01T00:00:00.000Z")
    triaged = sort(
        *dimension_records(USERS, user(), newer),
        *dimension_records("music.locations", location(), location(latitude=91)),
    )
    assert triaged.dimensions == {"user": [user(), newer], "location": [location()]}
    assert reasons(triaged) == [Reason.BAD_VALUE]
    assert triaged.dead_letters[0].origin.topic == "music.locations"


def test_a_record_in_the_wrong_topic_is_refused() -> None:
    assert reasons(sort(Record(framed(user())))) == [Reason.MISSING_FIELD]


def test_the_clock_of_the_rule_on_future_times_is_the_brokers() -> None:
    ahead = Record(framed(playback(event_time="2026-11-23T18:10:00.000Z")))
    later = timedelta(milliseconds=1)
    for quick in (True, False):
        assert len(sort(ahead, quick=quick).events) == 1
        early = Record(ahead.value, timestamp=APPENDED_AT - later)
        assert reasons(sort(early, quick=quick)) == [Reason.FUTURE_TIME]


def test_an_empty_batch_has_no_events_but_their_columns() -> None:
    triaged = sort()
    assert len(triaged.events) == 0
    assert triaged.events.schema == sort(*event_records(playback())).events.schema


@given(
    st.lists(
        st.tuples(st.integers(0, 60_000), st.integers(1, 60_000))
        | st.integers(1, 60_000).map(lambda duration: (rules.COMPLETED_SHARE * duration // 1, duration))
        | st.tuples(
            st.sampled_from([29_999, 30_000, 0, MAX_MS_PLAYED]), st.sampled_from([29_999, 30_000, 1])
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(max_examples=30, deadline=None)
def test_stream_and_completed_are_what_the_contract_says(played: list[tuple[float, int]]) -> None:
    pairs = [(int(ms_played), duration) for ms_played, duration in played]
    events = [playback(n, ms_played=ms, song_duration_ms=length) for n, (ms, length) in enumerate(pairs)]
    rows = sort(*event_records(*events)).events
    assert rows["is_stream"].to_pylist() == [rules.is_stream(*pair) for pair in pairs]
    assert rows["is_completed"].to_pylist() == [rules.is_completed(*pair) for pair in pairs]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2026, 11, 23)))
@settings(max_examples=50, deadline=None)
def test_the_event_date_is_the_day_in_utc(moment: datetime) -> None:
    text = times.to_text(times.epoch_ms(moment.replace(tzinfo=UTC)))
    events = sort(Record(framed(playback(event_time=text)))).events
    assert events["event_date"].to_pylist() == [date.fromisoformat(text[:10])]


rubbish = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@given(st.binary(max_size=40) | rubbish)
@settings(max_examples=80, deadline=None)
def test_any_rubbish_becomes_a_dead_letter_whose_detail_is_plain_text(value: bytes) -> None:
    (letter,) = sort(Record(value)).dead_letters
    assert letter.detail.isascii()
    assert letter.detail.isprintable()
