"""The rate, the watch on outages, event ids, stopping."""

import logging
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music_producer.identifiers import uuid7_texts
from music_producer.outage import STALL_SECONDS, OutageWatch
from music_producer.pacing import Pace
from music_producer.stopping import Stop


@given(st.lists(st.floats(0.001, 0.9), min_size=1, max_size=100), st.floats(0.5, 5_000))
def test_the_rate_is_kept_whatever_the_steps(steps: list[float], rate: float) -> None:
    pace, now, made = Pace(rate, 0.0), 0.0, 0
    for step in steps:
        now += step
        due = pace.due(now, 1_000_000)
        pace.spend(due)
        made += due
    assert made <= now * rate + 1e-6
    assert made >= now * rate - max(1.0, rate * 0.001) or rate < 2


def test_after_a_standstill_one_second_is_caught_up_and_no_more() -> None:
    pace = Pace(200, 0.0)
    assert pace.due(60.0, 1_000_000) == 200
    pace.spend(200)
    assert pace.due(60.5, 1_000_000) == 100


def test_less_than_due_may_be_made_and_the_rest_stays_due() -> None:
    pace = Pace(100, 0.0)
    assert pace.due(0.5, 30) == 30
    pace.spend(20)
    assert pace.due(0.5, 1_000) == 30


def test_a_slow_rate_waits_for_the_next_event() -> None:
    pace = Pace(0.5, 0.0)
    assert pace.due(1.0, 10) == 0
    assert pace.seconds_until_due() == pytest.approx(1.0)
    assert pace.due(2.0, 10) == 1


def test_at_an_infinite_rate_a_batch_is_always_due() -> None:
    pace = Pace(float("inf"), 0.0)
    pace.spend(5)
    assert pace.due(0.0, 5_000) == 5_000
    assert pace.seconds_until_due() == 0.0


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    watch = OutageWatch()
    for second in range(10):
        watch.failed(100.0 + second, "no broker")
    watch.acknowledged(112.5)
    watch.acknowledged(113.0)
    assert [record.message for record in caplog.records] == [
        "Kafka does not acknowledge, trying again without end: no broker",
        "Kafka acknowledges again after 12.5 s",
    ]
    assert (watch.count, watch.seconds) == (1, 12.5)


def test_records_that_wait_without_any_acknowledgement_are_an_outage() -> None:
    watch = OutageWatch()
    watch.look(0.0, waiting=3)
    watch.look(STALL_SECONDS, waiting=3)
    assert watch.count == 0
    watch.look(STALL_SECONDS + 0.1, waiting=3)
    assert watch.count == 1


def test_an_idle_producer_is_no_outage() -> None:
    watch = OutageWatch()
    watch.look(0.0, waiting=1)
    watch.acknowledged(1.0)
    watch.look(100.0, waiting=0)
    watch.look(200.0, waiting=1)
    assert watch.count == 0


@given(st.lists(st.integers(0, 2**48 - 1), min_size=1, max_size=20))
def test_event_ids_are_uuids_of_version_7_in_the_order_of_time(moments: list[int]) -> None:
    texts = uuid7_texts(np.array(moments, dtype=np.int64), np.random.default_rng(1))
    assert len(set(texts)) == len(moments)
    for moment, text in zip(moments, texts, strict=True):
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert parsed.int >> 80 == moment


def test_the_second_request_to_stop_insists() -> None:
    stop = Stop()
    assert (stop.asked, stop.insisted) == (False, False)
    stop.ask()
    assert (stop.asked, stop.insisted) == (True, False)
    stop.ask()
    assert (stop.asked, stop.insisted) == (True, True)
