"""Dead letters are replayed after what was against them is mended, and the books still balance."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC

import psycopg2
import pytest

from tests import audit
from tests.faults import books, gates
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, send
from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.faults

SENT = 50


@contextmanager
def house_rule(platform: SecondPlatform, forbidden_ms: int) -> Iterator[None]:
    """A constraint that somebody added to the fact table and that the contract does not know."""
    execute(
        platform,
        f"ALTER TABLE warehouse.stream_events ADD CONSTRAINT house CHECK (ms_played <> {forbidden_ms})",
    )
    try:
        yield
    finally:
        execute(platform, "ALTER TABLE warehouse.stream_events DROP CONSTRAINT house")


def execute(platform: SecondPlatform, statement: str) -> None:
    """Run a statement as the owner of the tables."""
    with closing(gates.as_owner(platform)) as owner, owner.cursor() as cursor:
        cursor.execute(statement)


def replays(platform: SecondPlatform) -> list[tuple[int, int]]:
    """Attempt -> how many records were replayed for that time."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT attempt, count(*) FROM ops.dead_letter_replays GROUP BY 1 ORDER BY 1")
        return list(cursor.fetchall())


def replay(platform: SecondPlatform, *options: str) -> str:
    ran = platform.run("replay-dlq", *options)
    print(ran.stdout.strip())
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_replayed_dead_letters_become_facts_once_and_what_is_still_wrong_comes_back_a_few_times_only(
    platform: SecondPlatform, before: Before
) -> None:
    refused = [event(ms_played=77_777) for _ in range(SENT)]
    # Longer than what the table keeps of a value: the replay takes it from the dead-letter topic.
    hopeless = [uuid.uuid4().hex.encode() * 10, b"y" * 200_000]
    with house_rule(platform, 77_777):
        send(platform, [*map(encoded, refused), *hopeless])
        since = books.check(platform, before)
        assert since.dead_letters == SENT + 2
    reasons = ("--reason", "not_storable", "--reason", "not_json", "--reason", "too_large")
    chosen = (*reasons, "--since", began(platform, before))

    assert "not_storable" in replay(platform, "--dry-run", *chosen)
    assert replays(platform) == []

    replay(platform, *chosen)
    since = books.check(platform, before)
    assert since.facts == SENT
    assert since.dead_letters == SENT + 2 + 2, "the hopeless ones have come back"
    assert replays(platform) == [(1, SENT + 2)]

    # The rest of the attempts; those that are facts by now are not sent again.
    for _ in range(3):
        replay(platform, *chosen)
        books.wait_for_all(platform)
    since = books.check(platform, before)
    assert since.facts == SENT
    assert replays(platform) == [(1, SENT + 2), (2, 2), (3, 2)]


def began(platform: SecondPlatform, before: Before) -> str:
    """The time of the first batch of the test, as the command reads it."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            """SELECT to_char(
                   min(committed_at) AT TIME ZONE 'UTC' - interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS'
               ) FROM ops.batches WHERE id > %s""",
            [before.ledger_id],
        )
        return str(cursor.fetchone()[0])


def test_a_dead_letter_at_the_place_of_another_in_a_recreated_topic_is_replayed_as_itself(
    platform: SecondPlatform, before: Before
) -> None:
    place = books.ends(platform)[0]
    # Longer than what the table keeps: the values are in the dead-letter topic only, both of the same place.
    send(platform, [b"former" * 30_000], partition=0)
    books.wait_for_all(platform)
    books.recreate(platform)
    latter = b"latter" * 30_000
    send(platform, [*(encoded(event()) for _ in range(place)), latter], partition=0)
    send(platform, (encoded(event()) for _ in range(10 * SENT)))
    books.wait_for_all(platform)
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT max(recorded_at) FROM ops.dead_letters WHERE kafka_offset = %s", [place])
        (since,) = cursor.fetchone()
    replay(platform, "--reason", "too_large", "--since", since.astimezone(UTC).isoformat()[:19])
    books.wait_for_all(platform)
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT payload FROM ops.dead_letters ORDER BY id DESC LIMIT 1")
        assert bytes(cursor.fetchone()[0]) == latter[:65_536]


def test_a_replay_that_broke_off_between_sending_and_marking_doubles_nothing(
    platform: SecondPlatform, before: Before
) -> None:
    with house_rule(platform, 88_888):
        send(platform, [encoded(event(ms_played=88_888)) for _ in range(SENT)])
        books.check(platform, before)
    chosen = ("--reason", "not_storable", "--since", began(platform, before))
    replay(platform, *chosen)
    # As a crash leaves it: reserved, and nobody knows whether the broker has it.
    with psycopg2.connect(platform.postgres_dsn) as connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ops.dead_letter_replays SET sent_at = NULL, partition = NULL, kafka_offset = NULL"
            " WHERE dead_letter_id IN (SELECT id FROM ops.dead_letters WHERE recorded_at >= %s)",
            [began(platform, before) + "Z"],
        )
    connection.close()
    replay(platform, *chosen)
    since = books.check(platform, before)
    assert (since.facts, since.duplicates) == (SENT, SENT)
