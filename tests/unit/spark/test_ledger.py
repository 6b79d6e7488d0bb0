"""What a batch holds, what of it was dealt with before, and what becomes of its records."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from music_contract.topics import STREAM_EVENTS
from music_spark.warehouse.ledger import COUNTS, Fate, Span, spans, unseen

USERS = "music.users"
Place = tuple[str, int, int]

places = st.lists(
    st.tuples(st.sampled_from([STREAM_EVENTS, USERS]), st.integers(0, 2), st.integers(0, 20)),
    unique=True,
    max_size=30,
)
positions = st.dictionaries(
    st.tuples(st.sampled_from([STREAM_EVENTS, USERS]), st.integers(0, 3)), st.integers(0, 22)
)


def batch(held: list[Place]) -> pa.Table:
    rows = [{"topic": topic, "partition": partition, "offset": offset} for topic, partition, offset in held]
    schema = pa.schema([("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])
    return pa.Table.from_pylist(rows, schema)


def places_of(table: pa.Table) -> list[Place]:
    return [(row["topic"], row["partition"], row["offset"]) for row in table.to_pylist()]


def test_spans_name_the_first_and_last_offset_of_each_partition() -> None:
    held = [(STREAM_EVENTS, 0, 7), (USERS, 0, 1), (STREAM_EVENTS, 0, 5), (STREAM_EVENTS, 1, 0), (USERS, 0, 9)]
    assert spans(batch(held)) == {
        (STREAM_EVENTS, 0): Span(5, 7),
        (STREAM_EVENTS, 1): Span(0, 0),
        (USERS, 0): Span(1, 9),
    }


def test_an_empty_batch_has_no_spans() -> None:
    assert spans(batch([])) == {}


@given(places, positions)
@settings(max_examples=40, deadline=None)
def test_unseen_are_the_records_at_or_above_their_partitions_position(
    held: list[Place], known: dict[tuple[str, int], int]
) -> None:
    expected = [place for place in held if place[2] >= known.get(place[:2], 0)]
    assert places_of(unseen(batch(held), known)) == expected


@given(places, positions)
@settings(max_examples=40, deadline=None)
def test_a_batch_delivered_twice_has_nothing_unseen_the_second_time(
    held: list[Place], known: dict[tuple[str, int], int]
) -> None:
    after = known | {key: max(known.get(key, 0), span.last + 1) for key, span in spans(batch(held)).items()}
    assert len(unseen(batch(held), after)) == 0


def test_a_fate_counts_each_kind_per_partition() -> None:
    fate = Fate()
    fate.add("dead_letters", [(STREAM_EVENTS, 0), (STREAM_EVENTS, 0), (USERS, 1)])
    chunks = pa.chunked_array(
        [pa.array([3, 3], pa.int32()), pa.array([], pa.int32()), pa.array([5], pa.int32())]
    )
    fate.add_rows("facts", STREAM_EVENTS, pa.table({"partition": chunks}))
    fate.add_rows("facts", STREAM_EVENTS, pa.table({"partition": pa.array([3], pa.int32())}))
    assert fate.counts["dead_letters"] == {(STREAM_EVENTS, 0): 2, (USERS, 1): 1}
    assert fate.counts["facts"] == {(STREAM_EVENTS, 3): 3, (STREAM_EVENTS, 5): 1}
    assert [fate.total(kind) for kind in ("facts", "dead_letters", "duplicates")] == [4, 3, 0]


def test_no_rows_count_for_nothing() -> None:
    fate = Fate()
    fate.add_rows("facts", STREAM_EVENTS, pa.table({"partition": pa.chunked_array([], pa.int32())}))
    assert all(fate.total(kind) == 0 for kind in COUNTS)
