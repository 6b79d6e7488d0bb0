"""UUIDs and moments read column-wise are those that the contract reads one by one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from music_contract import schemas, times
from music_spark.records import event_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

moments = st.builds(
    "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:03d}Z".format,
    *(st.integers(1968, 2102), st.integers(0, 13), st.integers(0, 32)),
    *(st.integers(0, 25), st.integers(0, 61), st.integers(0, 61), st.integers(0, 999)),
)
real_moments = st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)).map(
    lambda moment: times.to_text(times.epoch_ms(moment.replace(tzinfo=UTC)))
)
identities = st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number)))
near_identities = st.from_regex(r"[0-9a-g]{8}-[0-9a-f]{4}-[67][0-9a-f]{3}-[789abAB][0-9a-f]{3}-[0-9a-f]{12}")
anything = st.none() | st.text(max_size=40) | st.text("0123456789-:.TZ", min_size=24, max_size=24)


def keeps(field: str, text: str | None) -> bool:
    return text is not None and schemas.judge_field("stream-event", field, text) is None


@given(st.lists(moments | real_moments | anything, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_moments_are_those_of_the_contract(texts: list[str | None]) -> None:
    column, right = event_text.moments(pa.array(texts, pa.string()))
    assert right.tolist() == [keeps("event_time", text) for text in texts]
    kept = [text for text in texts if text is not None and keeps("event_time", text)]
    assert column.filter(pa.array(right)).to_pylist() == [
        EPOCH + timedelta(milliseconds=times.to_epoch_ms(text)) for text in kept
    ]


@given(st.lists(identities | near_identities | anything, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_uuids_are_those_of_the_contract(texts: list[str | None]) -> None:
    column, right = event_text.uuids(pa.array(texts, pa.string()))
    assert right.tolist() == [keeps("event_id", text) for text in texts]
    for text, identity, is_right in zip(texts, column.to_pylist(), right, strict=True):
        if is_right and text is not None:
            assert identity == UUID(text).bytes


def test_no_texts_are_no_problem() -> None:
    for read in (event_text.moments, event_text.uuids):
        column, right = read(pa.array([], pa.string()))
        assert (len(column), len(right)) == (0, 0)
