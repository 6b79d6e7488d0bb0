"""Approximate distinct counts: how near, and what may be done to a sketch without changing what it says."""

import pyarrow as pa
import pytest
from datasketches import hll_sketch
from hypothesis import given, settings
from hypothesis import strategies as st
from music_spark.aggregation import sketches

# Of the estimate with LG_K 12 (see the module); three of them hold in 997 of 1000 cases.
STANDARD_ERROR = 0.0163

values = st.lists(st.text(min_size=1, max_size=20), max_size=50)


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_the_count_is_within_three_standard_errors(count: int) -> None:
    counted, _ = sketches.updated(None, (f"user-{n:06d}" for n in range(count)))
    print(f"{count} distinct values are counted as {counted}")
    assert abs(counted - count) <= 3 * STANDARD_ERROR * count


@pytest.mark.parametrize("count", [0, 1, 2, 50, 150])
def test_few_values_are_counted_exactly(count: int) -> None:
    assert sketches.updated(None, (f"song-{n}" for n in range(count)))[0] == count


@given(values)
@settings(deadline=None)
def test_the_same_values_again_change_nothing(seen: list[str]) -> None:
    counted, sketch = sketches.updated(None, seen)
    again, sketch_again = sketches.updated(sketch, seen)
    assert (again, sketches.estimate(sketch_again)) == (counted, counted)
    assert counted == len(set(seen))


@given(values, values)
@settings(deadline=None)
def test_values_in_two_batches_count_as_in_one(first: list[str], second: list[str]) -> None:
    _, sketch = sketches.updated(None, first)
    counted, _ = sketches.updated(sketch, second)
    assert counted == len({*first, *second})


def test_a_hundred_thousand_values_in_batches_count_about_as_many() -> None:
    names = [f"user-{n:06d}" for n in range(100_000)]
    sketch: bytes | None = None
    for begin in range(0, len(names), 7_919):
        # Each batch brings back some of what came before, as listeners do.
        counted, sketch = sketches.updated(sketch, names[max(0, begin - 2_000) : begin + 7_919])
    print(f"in batches: {counted}")
    assert abs(counted - len(names)) <= 3 * STANDARD_ERROR * len(names)


def test_the_stored_form_says_the_same_and_stays_small() -> None:
    counted, stored = sketches.updated(None, (f"user-{n}" for n in range(100_000)))
    assert sketches.estimate(stored) == counted
    # Four bits for each of 4096 registers and a header.
    assert len(stored) <= 2_200
    assert hll_sketch.deserialize(stored).lg_config_k == sketches.LG_K


def listed(rows: list[list[str]]) -> pa.ListArray:
    """The rows' values as aggregation hands them over."""
    ends = [0]
    for row in rows:
        ends.append(ends[-1] + len(row))
    values = pa.array([value for row in rows for value in row], pa.string()).dictionary_encode()
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values)


def in_order(sketch: bytes) -> bytes:
    """A sketch with its coupons sorted: the library keeps them in the order of its hash table."""
    before, is_registers = 4 * sketch[0], sketch[7] & 3 == 2
    coupons = [sketch[n : n + 4] for n in range(before, len(sketch), 4)]
    return sketch if is_registers else sketch[:before] + b"".join(sorted(coupons))


# Texts of one and two blocks of the hash, and of a whole one.
texts = st.lists(st.text(min_size=1, max_size=20) | st.sampled_from(["x" * 16, "x" * 32]), max_size=40)


@given(st.lists(st.tuples(st.none() | texts, texts), max_size=8))
@settings(deadline=None)
def test_many_rows_at_once_are_what_the_library_makes_of_each(
    rows: list[tuple[list[str] | None, list[str]]],
) -> None:
    stored = [None if before is None else sketches.updated(None, before)[1] for before, _ in rows]
    counts, made = sketches.all_updated(pa.array(stored, pa.binary()), listed([seen for _, seen in rows]))
    alone = [sketches.updated(sketch, seen) for sketch, (_, seen) in zip(stored, rows, strict=True)]
    assert counts.to_pylist() == [count for count, _ in alone]
    assert list(map(in_order, made.to_pylist())) == [in_order(sketch) for _, sketch in alone]


@pytest.mark.parametrize("before", [None, 0, 1, 7, 8, 300, 384, 385, 2_000])
@pytest.mark.parametrize("more", [0, 1, 7, 8, 24, 25, 48, 49, 384, 385, 1_000])
def test_a_sketch_of_any_size_grows_as_in_the_library(before: int | None, more: int) -> None:
    names = [f"user-{n:06d}" for n in range(3_000)]
    stored = None if before is None else sketches.updated(None, names[:before])[1]
    seen = names[500 : 500 + more]
    counts, made = sketches.all_updated(pa.array([None, stored], pa.binary()), listed([[], seen]))
    count, sketch = sketches.updated(stored, seen)
    assert counts.to_pylist() == [0, count]
    assert in_order(made[1].as_py()) == in_order(sketch)
