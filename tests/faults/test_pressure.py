"""More than the stream can take at once, or a database that hangs: it falls behind and catches up."""

import time

import pytest

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, send
from tests.faults.killing import paused, stopped_job
from tests.faults.playing import produce
from tests.faults.scale import BACKLOG, CATCH_UP_LIMIT_S, PAUSE_S, RECOVERY_LIMIT_S
from tests.faults.watching import Memory
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.faults


def latency_s(platform: SecondPlatform) -> float:
    """Seconds from an event that is sent now to its row."""
    sent = event()
    began = time.monotonic()
    send(platform, [encoded(sent)])

    def stored() -> bool:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute("SELECT FROM warehouse.stream_events WHERE event_id = %s", [sent["event_id"]])
            return cursor.fetchone() is not None

    wait_until(stored, 60, "the event has its row")
    return time.monotonic() - began


def usual_latency_s(platform: SecondPlatform) -> float:
    """The least of three: the first event of a stream that has just started takes longer."""
    return min(latency_s(platform) for _ in range(3))


def await_latency(platform: SecondPlatform, normal: float) -> None:
    """Wait until an event takes about as long to its row as before all that happened."""
    took: list[float] = []

    def is_normal() -> bool:
        took.append(latency_s(platform))
        return took[-1] < 2 * normal + 1

    wait_until(is_normal, RECOVERY_LIMIT_S, "the latency returns to normal")
    print(f"an event took {normal:.1f} s before, {', '.join(f'{seconds:.1f} s' for seconds in took)} after")


def most_lag(platform: SecondPlatform, since: float) -> tuple[int, int]:
    """The largest lag and the longest batch, in milliseconds, that ops recorded in the last seconds."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            """SELECT coalesce(max(lag_records + input_rows), 0), coalesce(max(batch_ms), 0) FROM ops.progress
               WHERE recorded_at > now() - %s * interval '1 second'""",
            [since],
        )
        lag, batch_ms = cursor.fetchone()
        return int(lag), int(batch_ms)


def test_a_backlog_at_start_is_caught_up_with_in_bounded_memory(
    platform: SecondPlatform, before: Before
) -> None:
    normal = usual_latency_s(platform)
    with stopped_job(platform):
        produce(platform, BACKLOG)
    began = time.monotonic()
    with Memory(platform) as memory:
        books.wait_for_all(platform, CATCH_UP_LIMIT_S)
    took = time.monotonic() - began
    lag, _ = most_lag(platform, took + 60)
    print(f"{BACKLOG} events in {took:.0f} s with the job's start; ops saw {lag} waiting")
    await_latency(platform, normal)
    books.check(platform, before)
    memory.check()
    assert lag >= BACKLOG / 2


def test_a_database_that_hangs_holds_the_stream_up_and_costs_nothing(
    platform: SecondPlatform, before: Before
) -> None:
    normal = usual_latency_s(platform)
    began = time.monotonic()
    with Memory(platform) as memory:
        with paused(platform, "postgres"):
            until = time.monotonic() + PAUSE_S
            while time.monotonic() < until:
                send(platform, (encoded(event()) for _ in range(500)))
            waiting = sum(books.ends(platform).values()) - before.acknowledged
        books.wait_for_all(platform, CATCH_UP_LIMIT_S)
    lag, batch_ms = most_lag(platform, time.monotonic() - began)
    print(f"{waiting} records came in {PAUSE_S} s without a database; ops saw {lag} waiting at most")
    print(f"and a batch of {batch_ms / 1000:.0f} s")
    await_latency(platform, normal)
    books.check(platform, before)
    memory.check()
    assert batch_ms > PAUSE_S * 1000 / 2
    assert lag > 0
