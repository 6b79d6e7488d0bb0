"""The bytes of a value, the notation of moments, the standard meanings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music_contract import times
from music_contract.rules import is_completed, is_stream
from music_contract.wire import frame, unframe


@given(st.integers(0, 2**32 - 1), st.binary(max_size=50))
def test_a_framed_payload_comes_back_with_its_id(schema_id: int, payload: bytes) -> None:
    assert unframe(frame(schema_id, payload)) == (schema_id, payload)


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x00\x00\x01", b"{}", b'{"a": 1}'])
def test_a_value_without_prefix_is_bare(value: bytes) -> None:
    assert unframe(value) == (None, value)


@given(st.integers(0, 4_102_444_799_999))
def test_a_moment_survives_its_notation(epoch_ms: int) -> None:
    assert times.to_epoch_ms(times.to_text(epoch_ms)) == epoch_ms


def test_the_notation_of_a_moment() -> None:
    assert times.to_text(1_795_457_100_007) == "2026-11-23T18:05:00.007Z"


@pytest.mark.parametrize(
    ("played", "duration", "stream", "completed"),
    [
        (29_999, 200_000, False, False),
        (30_000, 200_000, True, False),
        (179_999, 200_000, True, False),
        (180_000, 200_000, True, True),
        (18_000, 20_000, True, True),
        (17_999, 20_000, False, False),
        (27_000, 30_000, False, True),
    ],
)
def test_streams_and_completed_playbacks(played: int, duration: int, stream: bool, completed: bool) -> None:
    assert is_stream(played, duration) is stream
    assert is_completed(played, duration) is completed
