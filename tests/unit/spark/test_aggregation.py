"""Windows and sums of the metric families, against the same figures reckoned one fact at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music_spark.aggregation import families
from music_spark.aggregation.families import MEASURES, Family
from music_spark.aggregation.sums import Facts, aggregate
from music_spark.settings import Windows
from music_spark.warehouse.metrics import FACT_COLUMNS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAMILIES = families.declare(Windows())
Row = dict[str, Any]
Sums = dict[tuple[Any, ...], tuple[dict[str, int], dict[str, set[str]]]]

facts = st.lists(
    st.fixed_dictionaries(
        {
            # Around a midnight, with hours, minutes and fractions on both sides, and around 1970.
            "event_time": st.builds(
                lambda base, us: base + timedelta(microseconds=us),
                st.sampled_from([EPOCH, datetime(2026, 3, 1, tzinfo=UTC)]),
                st.integers(-7_200_000_000, 7_200_000_000)
                | st.sampled_from([0, -1, 60_000_000, 3_600_000_000]),
            ),
            **{
                name: st.sampled_from([f"{name[:-3]}-1", f"{name[:-3]}-2", "shared-1"])
                for name in ("user_id", "song_id", "artist_id", "album_id", "device_id", "location_id")
            },
            "genre": st.sampled_from(["rock", "jazz", "shared-1"]),
            "ms_played": st.integers(0, 86_400_000),
            **dict.fromkeys(
                ("is_stream", "is_completed", "skipped", "liked", "added_to_playlist"), st.booleans()
            ),
        }
    ),
    max_size=30,
)


def table(rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), FACT_COLUMNS)


def one_by_one(rows: Iterable[Row], family: Family) -> Sums:
    """The reference: a dictionary, a loop, and the definition of each measure."""
    sums: Sums = {}
    for row in rows:
        steps = (row["event_time"] - EPOCH) // family.window
        start = EPOCH + steps * family.window
        for key in keys_of(row, family):
            measures, seen = sums.setdefault(
                (start, start + family.window, *key), (dict.fromkeys(MEASURES, 0), defaultdict(set))
            )
            measures["plays"] += 1
            measures["streams"] += row["is_stream"]
            measures["completed"] += row["is_completed"]
            for name in ("skipped", "liked", "added_to_playlist", "ms_played"):
                measures[name] += row[name]
            for name, source in family.distinct.items():
                seen[name].add(row[source])
    return sums


def keys_of(row: Row, family: Family) -> Iterator[tuple[str, ...]]:
    match family.table:
        case "user_engagement":
            yield (row["user_id"],)
        case "device":
            yield (row["device_id"],)
        case "location":
            yield (row["location_id"],)
        case "hourly":
            yield ()
        case "content_performance":
            yield ("song", row["song_id"])
            yield ("artist", row["artist_id"])
            yield ("album", row["album_id"])
            yield ("genre", row["genre"])


def as_sums(result: pa.Table, family: Family) -> Sums:
    sums: Sums = {}
    for row in result.to_pylist():
        key = tuple(row[name] for name in ("window_start", "window_end", *family.key_columns))
        assert key not in sums, "a window and key has two rows"
        sums[key] = (
            {name: row[name] for name in MEASURES},
            {name: set(row[name]) for name in family.distinct},
        )
    return sums


def added(parts: Iterable[Sums]) -> Sums:
    total: Sums = {}
    for part in parts:
        for key, (measures, seen) in part.items():
            sums, union = total.setdefault(key, (dict.fromkeys(MEASURES, 0), defaultdict(set)))
            for name, value in measures.items():
                sums[name] += value
            for name, values in seen.items():
                union[name] |= values
    return total


@pytest.mark.parametrize(
    ("time", "length", "start"),
    [
        ("2026-11-23T18:04:59.999999", timedelta(minutes=5), "2026-11-23T18:00:00"),
        ("2026-11-23T18:05:00", timedelta(minutes=5), "2026-11-23T18:05:00"),
        ("2026-11-23T00:00:00", timedelta(days=1), "2026-11-23T00:00:00"),
        ("2026-11-22T23:59:59.999999", timedelta(days=1), "2026-11-22T00:00:00"),
        ("1970-01-01T00:00:00", timedelta(hours=1), "1970-01-01T00:00:00"),
        ("1969-12-31T23:59:59.999999", timedelta(hours=1), "1969-12-31T23:00:00"),
        ("1969-12-31T23:00:00", timedelta(hours=1), "1969-12-31T23:00:00"),
        ("1969-12-31T22:59:59.999999", timedelta(hours=1), "1969-12-31T22:00:00"),
    ],
)
def test_a_time_falls_into_the_window_that_begins_at_or_before_it(
    time: str, length: timedelta, start: str
) -> None:
    moment = datetime.fromisoformat(time + "+00:00")
    times = pa.table({"event_time": pa.array([moment], pa.timestamp("us", tz="UTC"))})
    (number,) = Facts(times).windows(length).tolist()
    assert EPOCH + number * length == datetime.fromisoformat(start + "+00:00")


@given(facts)
@settings(max_examples=25, deadline=None)
def test_the_windows_of_facts_are_those_that_their_sums_have(rows: list[Row]) -> None:
    for family in FAMILIES.values():
        starts = Facts(table(rows)).window_starts(family.window).to_pylist()
        assert starts == sorted({start for start, *_ in one_by_one(rows, family)}), family.table


@given(facts)
@settings(max_examples=25, deadline=None)
def test_every_family_has_the_sums_that_one_gets_fact_by_fact(rows: list[Row]) -> None:
    for family in FAMILIES.values():
        sums = as_sums(aggregate(Facts(table(rows)), family), family)
        assert sums == one_by_one(rows, family), family.table


@given(facts, st.data())
@settings(max_examples=20, deadline=None)
def test_facts_in_any_batches_add_up_to_the_facts_in_one(rows: list[Row], data: st.DataObject) -> None:
    batch_of = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    batches = [[row for row, b in zip(rows, batch_of, strict=True) if b == number] for number in range(3)]
    for family in FAMILIES.values():
        parts = [as_sums(aggregate(Facts(table(batch)), family), family) for batch in batches]
        assert added(parts) == as_sums(aggregate(Facts(table(rows)), family), family), family.table


def test_no_facts_make_no_rows() -> None:
    for family in FAMILIES.values():
        assert len(aggregate(Facts(table([])), family)) == 0, family.table


def test_facts_in_several_chunks_give_the_same_sums() -> None:
    row = {name: "x-1" for name in FACT_COLUMNS.names if name.endswith("_id")}
    row |= {"event_time": EPOCH, "genre": "rock", "ms_played": 7}
    row |= dict.fromkeys(("is_stream", "is_completed", "skipped", "liked", "added_to_playlist"), True)
    chunked = pa.concat_tables([table([row]), table([]), table([row, row])])
    for family in FAMILIES.values():
        assert as_sums(aggregate(Facts(chunked), family), family) == one_by_one([row] * 3, family)


def test_the_sum_of_a_window_may_exceed_32_bits() -> None:
    row = {name: "x-1" for name in FACT_COLUMNS.names if name.endswith("_id")}
    row |= {"event_time": EPOCH, "genre": "rock", "ms_played": 86_400_000}
    row |= dict.fromkeys(("is_stream", "is_completed", "skipped", "liked", "added_to_playlist"), True)
    result = aggregate(Facts(table([row] * 100)), FAMILIES["hourly"])
    assert result["ms_played"].to_pylist() == [8_640_000_000]


@given(facts)
@settings(max_examples=20, deadline=None)
def test_rows_come_in_the_order_of_the_primary_key(rows: list[Row]) -> None:
    for family in FAMILIES.values():
        result = aggregate(Facts(table(rows)), family)
        keys = list(zip(*(result[n].to_pylist() for n in ("window_start", *family.key_columns)), strict=True))
        assert keys == sorted(keys), family.table
