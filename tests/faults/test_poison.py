"""Batches of the worst kind: throughput may fall, nothing else may."""

import random
from collections.abc import Iterator

import pytest

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, send
from tests.faults.killing import backlog, stopped_job
from tests.faults.scale import CATCH_UP_LIMIT_S, LARGEST_VALUES, NEW_KEYS, RUBBISH, announce
from tests.faults.watching import Memory
from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.faults

LARGEST_BYTES = 1_048_400
"""What fits into a record batch of the broker's largest size."""


def rubbish(chance: random.Random, count: int) -> Iterator[bytes | None]:
    kinds: list[bytes | None] = [b"rubbish", None, b"", b"{}", b"[]", b"\x00\x00\x01\xe2\x40{}", b"x" * 900]
    kinds += [encoded(event(ms_played="1")), encoded(event(user_id="nobody")), b'{"a": ' * 100]
    return (chance.choice(kinds) for _ in range(count))


def test_a_batch_of_nothing_but_malformed_records_becomes_dead_letters(
    platform: SecondPlatform, before: Before
) -> None:
    with backlog(platform):
        send(platform, rubbish(announce("rubbish"), RUBBISH))
    with Memory(platform) as memory:
        since = books.check(platform, before, limit_s=CATCH_UP_LIMIT_S)
    assert (since.read, since.dead_letters) == (RUBBISH, RUBBISH)
    memory.check()


def test_a_backlog_of_values_of_every_size_up_to_the_largest_does_not_fill_the_memory(
    platform: SecondPlatform, before: Before
) -> None:
    sizes = (2_000, 65_000, 66_000, LARGEST_BYTES)
    good = 200
    with stopped_job(platform):
        send(platform, (b"x" * sizes[n % 4] for n in range(LARGEST_VALUES)))
        send(platform, (encoded(event()) for _ in range(good)))
    waiting = sum(sizes[n % 4] for n in range(LARGEST_VALUES))
    print(f"{LARGEST_VALUES} values of {waiting / 2**20:.0f} MiB together wait")
    with Memory(platform) as memory:
        since = books.check(platform, before, limit_s=CATCH_UP_LIMIT_S)
    assert (since.facts, since.dead_letters) == (good, LARGEST_VALUES)
    memory.check()


def test_a_key_with_nine_tenths_of_the_traffic_is_stored_as_any_other(
    platform: SecondPlatform, before: Before
) -> None:
    count = RUBBISH
    with backlog(platform):
        hot = {"user_id": "user-hot", "song_id": "song-hot", "device_id": "device-hot"}
        send(platform, (encoded(event(**hot)) for _ in range(count * 9 // 10)), partition=3)
        send(platform, (encoded(event()) for _ in range(count // 10)))
    since = books.check(platform, before, limit_s=CATCH_UP_LIMIT_S)
    assert since.facts == since.read
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT sum(plays)::bigint FROM metrics.user_engagement WHERE user_id = 'user-hot'")
        assert cursor.fetchone() == (count * 9 // 10,)


def test_a_batch_in_which_every_key_is_new_makes_a_member_for_each(
    platform: SecondPlatform, before: Before
) -> None:
    tag = f"n{before.acknowledged}"
    keys = ("user", "song", "device")
    new = (event(**{f"{name}_id": f"{name}-{tag}-{n}" for name in keys}) for n in range(NEW_KEYS))
    with stopped_job(platform):
        send(platform, map(encoded, new))
    with Memory(platform) as memory:
        since = books.check(platform, before, limit_s=CATCH_UP_LIMIT_S)
    assert since.facts == NEW_KEYS
    with audit.reader(platform.postgres_dsn) as cursor:
        for name in keys:
            cursor.execute(f"SELECT count(*) FROM warehouse.{name}s WHERE {name}_id LIKE %s", [f"%-{tag}-%"])
            assert cursor.fetchone() == (NEW_KEYS,)
        cursor.execute("SELECT max(read) FROM ops.batches WHERE id > %s", [before.ledger_id])
        (largest,) = cursor.fetchone()
    print(f"{NEW_KEYS} new users, songs and devices each; the largest batch had {largest} records")
    assert largest > NEW_KEYS * 9 // 10, "they came in one batch"
    memory.check()
