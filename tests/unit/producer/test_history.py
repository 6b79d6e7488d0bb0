import pytest
from hypothesis import given
from hypothesis import strategies as st
from music_producer.history import moments


@given(seconds=st.integers(0, 500), rate=st.floats(0.01, 500))
def test_the_past_has_its_rate_over_its_whole_length(seconds: int, rate: float) -> None:
    total = sum(count for _, count in moments(10**12, seconds, rate))
    assert total == pytest.approx(seconds * rate, abs=1)


def test_the_past_is_told_from_its_oldest_moment_to_the_present() -> None:
    told = [moment for moment, _ in moments(1_000_000, 3, 1)]
    assert told == [997_000, 998_000, 999_000]


def test_a_rate_below_one_leaves_moments_out() -> None:
    assert list(moments(1_000_000, 4, 0.5)) == [(997_000, 1), (999_000, 1)]
