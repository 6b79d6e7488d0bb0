"""Servers die while events flow, good and bad ones; afterwards the books must balance to the record."""

import random
import time
from datetime import UTC, datetime

import psycopg2
import pytest

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import Witness
from tests.faults.killing import VICTIMS, kill
from tests.faults.playing import PlaybackProducer
from tests.faults.scale import KILLS, RECOVERY_LIMIT_S, announce
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

RATE = 200


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
    """Victims at random; each of them before any comes a second time."""
    drawn: list[str] = []
    while len(drawn) < count:
        everyone = ["producer", *VICTIMS]
        chance.shuffle(everyone)
        drawn += everyone
    return drawn[:count]


def kill_in_turn(platform: SecondPlatform, producer: PlaybackProducer, chance: random.Random) -> None:
    """Kill one after the other, each once events of after the last kill arrive."""
    for number, victim in enumerate(draw(chance, KILLS), start=1):
        # A batch takes a second or so: any moment of it is drawn.
        until = time.monotonic() + chance.uniform(0, 2)
        wait_until(lambda until=until: time.monotonic() > until, 10, "the drawn moment comes")
        stored = facts(platform)
        pid = producer.kill() if victim == "producer" else kill(platform, victim)
        killed = datetime.now(UTC)
        wait_until(
            lambda since=killed: played_since(platform, since),
            RECOVERY_LIMIT_S,
            f"events arrive again after the {victim} (pid {pid}) was killed",
        )
        took = (datetime.now(UTC) - killed).total_seconds()
        now = facts(platform)
        print(f"{number:2} {victim}: pid {pid} killed at {stored} facts, {now} after {took:.1f} s")


@pytest.mark.faults
def test_kill_9_of_any_server_at_any_time_loses_no_record_and_doubles_none(
    platform: SecondPlatform, before: Before
) -> None:
    chance = announce("kill series")
    producer = PlaybackProducer(platform, RATE, chance.randrange(1_000))
    try:
        with Witness(platform) as witness:
            wait_until(lambda: facts(platform) > before.books.facts + RATE, 180, "the first events arrive")
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
