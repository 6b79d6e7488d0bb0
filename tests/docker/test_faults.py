"""What is killed under load comes back, and nothing is lost or stands still for long."""

from collections.abc import Callable
from math import inf

import pytest

from tests.docker import engine, promises
from tests.docker.health import RECOVERY_LIMIT_S, all_in_sync, executors_at_work, healthy_after
from tests.docker.watching import Pauses
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

STALL_LIMIT_S = 30
# Where the machine has other work, a stall is longer for no fault of the platform's: it may show it again.
ATTEMPTS = 3
GROWTH = 2_000


def kill(platform: SecondPlatform, service: str) -> float:
    """Kill -9 all of a container, wait until it is back; the longest time without a new fact."""
    restarts = engine.containers(platform.name)[service]["RestartCount"]
    before = promises.stored(platform)
    with Pauses(platform) as pauses:
        engine.kill(platform.name, service)
        wait_until(
            lambda: healthy_after(platform, service, restarts),
            RECOVERY_LIMIT_S,
            f"{service} is healthy again",
        )
        wait_until(
            lambda: promises.stored(platform) > before + GROWTH, RECOVERY_LIMIT_S, f"{GROWTH} new facts"
        )
    print(f"{service} was killed: the longest time without a new fact was {pauses.longest_s:.1f} s")
    return pauses.longest_s


def shortest_stall(platform: SecondPlatform, service: str, ready: Callable[[], bool], what: str) -> float:
    """Kill a container, again where the stall was too long, each time from a whole platform."""
    shortest = inf
    for _ in range(ATTEMPTS):
        wait_until(ready, RECOVERY_LIMIT_S, what)
        shortest = min(shortest, kill(platform, service))
        if shortest < STALL_LIMIT_S:
            break
    return shortest


@pytest.mark.usefixtures("three_brokers", "balanced")
@pytest.mark.parametrize("service", ["kafka_1", "kafka_2"])
def test_a_broker_of_three_may_be_killed(platform: SecondPlatform, service: str) -> None:
    stall = shortest_stall(
        platform, service, lambda: all_in_sync(platform, 3), "three copies of every partition"
    )

    assert stall < STALL_LIMIT_S


@pytest.mark.usefixtures("second_worker", "balanced")
def test_a_worker_of_two_may_be_killed(platform: SecondPlatform) -> None:
    stall = shortest_stall(
        platform, "spark_worker_1", lambda: executors_at_work(platform) == 2, "both workers take part"
    )

    assert stall < STALL_LIMIT_S
    wait_until(lambda: executors_at_work(platform) == 2, RECOVERY_LIMIT_S, "both workers take part again")
