"""The clock, the steps, the watch on outages, event ids, stopping."""

import logging
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music_contract import times
from music_producer.listening.pacing import Clock, Stride
from music_producer.sending.outage import STALL_SECONDS, OutageWatch
from music_producer.sending.stopping import Stop
from music_producer.world.columns import moment_rows
from music_producer.world.identifiers import uuid7_texts


def test_simulated_time_runs_at_its_speed_until_it_meets_the_present() -> None:
    clock = Clock(1_000_000, 600.0, began=50.0)
    assert clock.reached_ms(50.0, 9_000_000) == 1_000_000
    assert clock.reached_ms(51.5, 9_000_000) == 1_900_000
    assert clock.reached_ms(500.0, 9_000_000) == 9_000_000


def test_without_a_speed_simulated_time_is_the_present() -> None:
    assert Clock(0, float("inf"), began=50.0).reached_ms(50.0, 9_000_000) == 9_000_000


@given(st.floats(0.01, 5_000), st.floats(0.2, 5))
def test_steps_come_to_hold_the_events_that_are_wanted(rate: float, factor: float) -> None:
    stride = Stride(rate, 1_000)
    for _ in range(30):
        stride.note(stride.step_ms, round(stride.step_ms * rate * factor / 1_000))
    assert 500 < stride.step_ms * rate * factor / 1_000 < 2_000 or stride.step_ms <= 2


def test_steps_without_events_do_not_grow_without_end() -> None:
    stride = Stride(10.0, 1_000)
    for _ in range(100):
        stride.note(stride.step_ms, 0)
    assert stride.step_ms == 1_000_000


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
    chance = np.random.default_rng(1).integers(0, 2**64, (len(moments), 2), dtype=np.uint64)
    texts = [text.decode() for text in uuid7_texts(np.array(moments, dtype=np.int64), chance).tolist()]
    assert len(set(texts)) == len(moments)
    for moment, text in zip(moments, texts, strict=True):
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert parsed.int >> 80 == moment


@given(st.lists(st.integers(0, 4_102_444_799_999), min_size=1, max_size=20))
def test_moments_are_written_as_the_contract_writes_them(moments: list[int]) -> None:
    texts = moment_rows(np.array(moments, dtype=np.int64)).tolist()
    assert [text.decode() for text in texts] == [times.to_text(moment) for moment in moments]


def test_the_second_request_to_stop_insists() -> None:
    stop = Stop()
    assert (stop.asked, stop.insisted) == (False, False)
    stop.ask()
    assert (stop.asked, stop.insisted) == (True, False)
    stop.ask()
    assert (stop.asked, stop.insisted) == (True, True)
