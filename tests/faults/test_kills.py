"""Servers die while events flow, good and bad ones; afterwards the books must balance to the record."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg2
import pytest

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import Witness
from tests.faults.killing import VICTIMS, kill_together
from tests.faults.playing import PlaybackProducer
from tests.faults.scale import KILLS, RECOVERY_LIMIT_S, announce
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

# The mean of a week: in its quietest hour half of it flows, and the promise is about 500 events a second at
# least. The rest makes up for the seconds that a producer which was killed takes to begin again.
RATE = 1_200

ALWAYS = ("driver", "executor", "broker", "database")
"""Victims that even the short form has."""


def facts(platform: SecondPlatform) -> int:
    try:
        return audit.books(platform.postgres_dsn).facts
    except psycopg2.OperationalError:
        return 0


def played_since(platform: SecondPlatform, moment: datetime) -> bool:
    """Whether an event is stored that the playbacks' producer made after that moment."""
    try:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute(
                """SELECT EXISTS (
                       SELECT FROM warehouse.stream_events WHERE event_time > %s AND source <> 'faults'
                   )""",
                [moment],
            )
            return bool(cursor.fetchone()[0])
    except psycopg2.OperationalError:
        return False


def draw(chance: random.Random, count: int) -> list[str]:
    """Victims at random; each of them before any comes a second time, and ALWAYS among the first."""
    drawn: list[str] = []
    while len(drawn) < count:
        others = ["producer", *(victim for victim in VICTIMS if victim not in ALWAYS)]
        chance.shuffle(others)
        turn = [*ALWAYS, *others][: count - len(drawn)]
        chance.shuffle(turn)
        drawn += turn
    return drawn


def strikes(chance: random.Random, count: int) -> list[list[str]]:
    """The victims of each moment, so many in all: one, or two in a quarter of the moments and at the end."""
    left = draw(chance, count)
    struck: list[list[str]] = []
    while left:
        pair = len(left) == 2 or (len(left) > 2 and chance.random() < 0.25)
        size = 2 if pair and left[0] != left[1] else 1
        struck.append(left[:size])
        left = left[size:]
    return struck


def strike(platform: SecondPlatform, producer: PlaybackProducer, victims: list[str]) -> list[int]:
    """Kill -9 these at one moment; their former process ids."""
    pids = kill_together(platform, [victim for victim in victims if victim != "producer"])
    return [*pids, producer.kill()] if "producer" in victims else pids


def kill_in_turn(platform: SecondPlatform, producer: PlaybackProducer, chance: random.Random) -> None:
    """Strike again and again, each time once events of after the last strike arrive."""
    for number, victims in enumerate(strikes(chance, KILLS), start=1):
        names = " and ".join(victims)
        # A batch takes a second or so: any moment of it is drawn.
        until = time.monotonic() + chance.uniform(0, 2)
        wait_until(lambda until=until: time.monotonic() > until, 10, "the drawn moment comes")
        stored = facts(platform)
        pids = strike(platform, producer, victims)
        killed = datetime.now(UTC)
        wait_until(
            lambda since=killed: played_since(platform, since),
            RECOVERY_LIMIT_S,
            f"events arrive again after the {names} (pid {pids}) was killed",
        )
        took = (datetime.now(UTC) - killed).total_seconds()
        now = facts(platform)
        print(f"{number:2} {names}: pid {pids} killed at {stored} facts, {now} after {took:.1f} s")


@contextmanager
def flow(platform: SecondPlatform) -> Iterator[None]:
    """Print how many events a second the broker acknowledged within; the time when it was away counts too."""
    began, acknowledged = time.monotonic(), sum(books.ends(platform).values())
    yield
    came, took = sum(books.ends(platform).values()) - acknowledged, time.monotonic() - began
    print(f"{came} records acknowledged in {took:.0f} s of kills: {came / took:.0f}/s")


@pytest.mark.faults
def test_a_series_of_any_seed_kills_driver_executor_broker_and_database() -> None:
    for seed in range(100):
        drawn = draw(random.Random(seed), KILLS)
        assert len(drawn) == KILLS
        assert {"driver", "executor", "broker", "database"} <= set(drawn), seed


@pytest.mark.faults
def test_kill_9_of_any_server_at_any_time_loses_no_record_and_doubles_none(
    platform: SecondPlatform, before: Before
) -> None:
    chance = announce("kill series")
    producer = PlaybackProducer(platform, RATE, chance.randrange(1_000))
    try:
        with Witness(platform) as witness:
            wait_until(lambda: facts(platform) > before.books.facts + RATE, 180, "the first events arrive")
            with flow(platform):
                kill_in_turn(platform, producer, chance)
    finally:
        producer.stop()
    since = books.check(platform, before)
    assert since.facts > 0 and since.duplicates > 0 and since.dead_letters > 0, "faults were among them"
    stored = books.stored_of(platform, witness.acknowledged)
    print(
        f"{len(witness.sent)} single events sent, {len(witness.acknowledged)} acknowledged, {stored} stored"
    )
    assert stored == len(witness.acknowledged) == len(witness.sent) > 0
