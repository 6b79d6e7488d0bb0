"""The books of a platform against Kafka itself: what the broker holds is what was acknowledged."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import psycopg2
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from music_contract.topics import DEAD_LETTERS, STREAM_EVENTS, TOPICS

from tests import audit
from tests.faults.scale import RECOVERY_LIMIT_S
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

OUTDATED = (
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
)


@dataclass(frozen=True)
class Before:
    """Where a test began."""

    ends: dict[int, int]
    books: audit.Books
    ledger_id: int

    @property
    def acknowledged(self) -> int:
        return sum(self.ends.values())


def admin(platform: SecondPlatform) -> AdminClient:
    """The broker's administration."""
    return _admin(tuple(platform.kafka_client.items()))


@cache
def _admin(settings: tuple[tuple[str, str], ...]) -> AdminClient:
    # A broker that is away on purpose is no news.
    return AdminClient({**dict(settings), "log_level": 2})


def offsets(platform: SecondPlatform, spec: OffsetSpec, name: str = STREAM_EVENTS) -> dict[int, int]:
    """An offset of each partition of a topic."""

    def told() -> dict[int, int]:
        client = admin(platform)
        topic = client.describe_topics(TopicCollection([name]))[name].result()
        asked = {TopicPartition(name, partition.id): spec for partition in topic.partitions}
        answers = client.list_offsets(asked)
        try:
            return {partition.partition: answer.result().offset for partition, answer in answers.items()}
        except KafkaException as error:
            if error.args[0].code() not in OUTDATED:
                raise
            # What this client knows of the leaders is from before the topic was recreated.
            _admin.cache_clear()
            return {}

    return wait_until(told, RECOVERY_LIMIT_S, f"the leaders of {name} are known")


def ends(platform: SecondPlatform) -> dict[int, int]:
    """End offset of each partition of the event topic: as many records were ever acknowledged in it."""
    return offsets(platform, OffsetSpec.latest())


def topic_id(platform: SecondPlatform) -> str:
    """Kafka's id of the event topic as it is now."""
    client = admin(platform)
    described = client.describe_topics(TopicCollection([STREAM_EVENTS]))
    return str(described[STREAM_EVENTS].result().topic_id)


def recreate(platform: SecondPlatform) -> None:
    """Delete the event topic and make it again, with as many partitions."""
    client = admin(platform)
    former = topic_id(platform)
    client.delete_topics([STREAM_EVENTS])[STREAM_EVENTS].result()
    topic = TOPICS[STREAM_EVENTS]

    def made() -> bool:
        new = NewTopic(
            STREAM_EVENTS,
            topic.partitions,
            1,
            config={"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"},
        )
        # The name is free once the broker has finished deleting.
        return client.create_topics([new])[STREAM_EVENTS].exception() is None

    def serves() -> bool:
        try:
            return topic_id(platform) != former and bool(ends(platform))
        except KafkaException:
            return False

    wait_until(made, 60, "the topic is made again")
    wait_until(serves, 60, "every partition of it has a leader")


def positions(platform: SecondPlatform) -> dict[int, int]:
    """How far the stream has come in each partition; nothing while the database is away."""
    try:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute(
                "SELECT partition, position FROM ops.partitions WHERE topic = %s AND topic_id = %s",
                [STREAM_EVENTS, topic_id(platform)],
            )
            return dict(cursor.fetchall())
    except psycopg2.OperationalError:
        return {}


def lag(platform: SecondPlatform) -> int:
    """Records of the event topic that the stream has still to commit."""
    reached = positions(platform)
    return sum(end - reached.get(partition, 0) for partition, end in ends(platform).items())


def wait_for_all(platform: SecondPlatform, limit_s: float = RECOVERY_LIMIT_S) -> None:
    """Wait until every record of the event topic is committed."""
    wait_until(lambda: lag(platform) == 0, limit_s, "the stream commits all that the broker has")


def begin(platform: SecondPlatform) -> Before:
    """Note where a test begins, once all of the tests before it is committed."""
    wait_for_all(platform)
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM ops.batches")
        (ledger_id,) = cursor.fetchone()
    return Before(ends(platform), audit.books(platform.postgres_dsn), ledger_id)


def check(
    platform: SecondPlatform,
    before: Before,
    *,
    limit_s: float = RECOVERY_LIMIT_S,
    missing: int = 0,
    windows: Mapping[str, str] | None = None,
) -> audit.Books:
    """Hold everything against what Kafka acknowledged since `before`: the difference of the books."""
    wait_for_all(platform, limit_s)
    dsn = platform.postgres_dsn
    acknowledged = sum(ends(platform).values()) - before.acknowledged
    now, then = audit.books(dsn), before.books
    since = audit.Books(
        read=now.read - then.read,
        facts=now.facts - then.facts,
        duplicates=now.duplicates - then.duplicates,
        dead_letters=now.dead_letters - then.dead_letters,
        missing=now.missing - then.missing,
    )
    rows, distinct = audit.facts_stored(dsn)
    print(f"acknowledged {acknowledged}: {since}; fact rows {rows}, distinct events {distinct}")
    assert since.read + since.missing == acknowledged
    assert since.missing == missing
    assert since.facts + since.duplicates + since.dead_letters == since.read
    assert rows == distinct == now.facts
    letters, topic_letters = dead_letters(platform)
    print(f"dead letters: {letters} rows, {topic_letters} records of the dead-letter topic")
    # The topic has those of a batch before its commit, and again where the commit failed.
    assert letters == now.dead_letters <= topic_letters
    gaps = [gap for gap in audit.ledger_gaps(dsn) if gap[0] > before.ledger_id]
    assert sum(first - last - 1 for _, _, first, last in gaps) == missing
    assert audit.metrics_that_differ(dsn, windows=windows) == []
    error, wrong = audit.distinct_counts(dsn, windows)
    print(f"distinct counts: largest error {error:.2%}, standard error {audit.STANDARD_ERROR:.2%}")
    assert wrong == []
    assert imbalances(platform) == []
    return since


def dead_letters(platform: SecondPlatform) -> tuple[int, int]:
    """Dead letters of the event topic in the table, and records of the dead-letter topic."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT count(*) FROM ops.dead_letters WHERE topic = %s", [STREAM_EVENTS])
        (rows,) = cursor.fetchone()
    return int(rows), sum(offsets(platform, OffsetSpec.latest(), DEAD_LETTERS).values())


def imbalances(platform: SecondPlatform) -> list[tuple[str, ...]]:
    """What the stream's own audit holds against the books now."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            "SELECT scope, subject, expected, found FROM ops.imbalances WHERE resolved_at IS NULL ORDER BY id"
        )
        return list(cursor.fetchall())


def events_of(platform: SecondPlatform, kind: str) -> list[str]:
    """What the stream noted of a kind, oldest first."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT detail FROM ops.query_events WHERE kind = %s ORDER BY id", [kind])
        return [detail for (detail,) in cursor.fetchall()]


def stored_of(platform: SecondPlatform, event_ids: list[str]) -> int:
    """How many of the events have a fact."""
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            "SELECT count(*) FROM warehouse.stream_events WHERE event_id = ANY(%s::uuid[])", [event_ids]
        )
        return int(cursor.fetchone()[0])
