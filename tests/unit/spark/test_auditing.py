"""An audit goes through all windows, whole ones only, in spans that it can afford."""

from datetime import UTC, datetime, timedelta

import pytest
from music_spark.aggregation.sums import aligned
from music_spark.followers.auditing import Auditor, Sweep

from tests.stream import FAMILIES

FIRST, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("took_s", [0.0, 0.3, 9.0])
def test_a_round_covers_every_window_once_however_long_a_look_takes(family: object, took_s: float) -> None:
    sweep = Sweep(timedelta(hours=1))
    reached = FIRST
    for _ in range(100_000):
        start, until = sweep.next(family, (FIRST, END))
        assert start == reached
        assert aligned(until, family.window) == until
        assert start < until <= END
        sweep.done(until, (FIRST, END), took_s, family)
        reached = until
        if sweep.round_finished_at:
            break
    assert reached == END
    assert sweep.next(family, (FIRST, END))[0] == FIRST, "the next round begins"


def test_a_slow_look_is_followed_by_a_shorter_one_but_never_by_less_than_a_window() -> None:
    family = FAMILIES["hourly"]
    sweep = Sweep(timedelta(hours=8))
    for expected in (4, 2, 1, 1):
        sweep.done(FIRST, (FIRST, END), 5.0, family)
        assert sweep.span == timedelta(hours=expected)
    sweep.done(FIRST, (FIRST, END), 0.01, family)
    assert sweep.span == timedelta(hours=2)


def test_a_look_that_took_too_long_to_end_is_followed_by_a_shorter_one_at_the_same_place() -> None:
    family = FAMILIES["hourly"]
    sweep = Sweep(timedelta(hours=8))
    began = sweep.next(family, (FIRST, END))
    sweep.shorten(family)
    assert sweep.next(family, (FIRST, END)) == (began[0], began[0] + timedelta(hours=4))


def test_windows_before_the_epoch_are_aligned_too() -> None:
    assert aligned(datetime(1969, 12, 31, 23, 59, tzinfo=UTC), timedelta(hours=1)).hour == 23


def test_an_audit_that_cannot_reach_its_database_goes_on_trying_until_it_is_stopped() -> None:
    auditor = Auditor("host=127.0.0.1 port=1 dbname=nothing", FAMILIES)
    auditor.start()
    assert auditor.is_alive()
    auditor.stop()
    auditor.join(30)
    assert not auditor.is_alive()
