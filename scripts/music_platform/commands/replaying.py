"""Dead letters sent to their topics again, after what was against them is mended.

A replayed record takes the way of every other: the stream reads it as a new record of its topic, and it
becomes a fact, a duplicate or, where nothing was mended, a dead letter again. Each is reserved in
ops.dead_letter_replays before it is sent and marked once the broker has it. Where the answer never came, the
next replay sends it again: an event that is stored twice in Kafka is still one fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import click
import psycopg2
import psycopg2.extensions
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from music_platform.console.progress import Progress
from music_platform.console.table import rows
from music_platform.errors import PlatformError

DEAD_LETTER_TOPIC = "music.stream-events.dlq"
MOST_ATTEMPTS = 3
"""A record that came back this often is left alone until someone asks for more."""

_CHUNK = 100
"""Letters sent and marked together; their values, up to a megabyte each, are in memory."""
_LARGEST_RECORD = 2_097_152
_ANSWER_LIMIT_S = 60.0
_LOCK = 0x7265706C6179
"""Key of the advisory lock ("replay" in ASCII): one replay at a time."""

Connection: TypeAlias = psycopg2.extensions.connection


class Place(NamedTuple):
    """Where a record stands, and since when: the offsets of a topic that was recreated come again."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime


@dataclass(frozen=True)
class Selection:
    """Which dead letters; empty means any."""

    reasons: Sequence[str] = ()
    topics: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    most: int | None = None
    most_attempts: int = MOST_ATTEMPTS


@dataclass(frozen=True)
class Letter:
    """A dead letter to be replayed; the value is None where the table has only its beginning."""

    id: int
    place: Place
    reason: str
    attempt: int
    """Which replay of the record this will be."""
    key: bytes | None
    value: bytes | None


@dataclass
class Outcome:
    """What came of a replay."""

    sent: int = 0
    lost: list[int] = field(default_factory=list)
    """Dead letters whose whole value the dead-letter topic no longer has."""


# An empty record has nothing to send again; a record that is gone neither. A dead letter that a replay caused
# stands where that replay put it, which tells its attempt; as the offsets of a recreated topic come again,
# the newest replay before the letter counts.
_FROM = """
FROM ops.dead_letters AS letter
LEFT JOIN ops.dead_letter_replays AS own ON own.dead_letter_id = letter.id
LEFT JOIN LATERAL (
    SELECT r.attempt FROM ops.dead_letter_replays AS r
    WHERE r.topic = letter.topic AND r.partition = letter.partition
        AND r.kafka_offset = letter.kafka_offset AND r.reserved_at <= letter.recorded_at
    ORDER BY r.id DESC LIMIT 1
) AS cause ON true
WHERE own.sent_at IS NULL
    AND letter.payload_bytes > 0 AND letter.reason <> 'gone'
    AND (%(reasons)s::text[] = '{}' OR letter.reason = ANY(%(reasons)s))
    AND (%(topics)s::text[] = '{}' OR letter.topic = ANY(%(topics)s))
    AND (%(since)s::timestamptz IS NULL OR letter.recorded_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR letter.recorded_at < %(until)s)"""
_ATTEMPT = "coalesce(cause.attempt, 0) + 1"


def run(dsn: str, kafka: Mapping[str, str], selection: Selection, *, dry_run: bool) -> None:
    """Say what is selected, send it unless `dry_run`, and say what came of it.

    `kafka` is what a client needs to connect, by librdkafka's names.
    """
    connection = connect(dsn)
    try:
        found = summary(connection, selection)
    finally:
        connection.close()
    if not found:
        click.echo("No dead letter is selected that was not replayed already.")
        return
    for line in rows(("topic", "reason", "to be sent", "tried too often"), found, indent=""):
        click.echo(line)
    if dry_run:
        return
    progress = Progress()
    progress.step("Sending them again")
    outcome = replay(dsn, kafka, selection, progress)
    click.echo(
        f"{outcome.sent:,} records sent. ops.dead_letter_replays tells where each is now; what is refused"
        " again comes back as a new dead letter."
    )
    if outcome.lost:
        click.echo(
            f"{len(outcome.lost):,} were not: {DEAD_LETTER_TOPIC} no longer holds their whole value (dead"
            f" letters {', '.join(map(str, outcome.lost[:10]))}{', …' if len(outcome.lost) > 10 else ''})."
        )


def summary(connection: Connection, selection: Selection) -> list[tuple[str, str, int, int]]:
    """Count the letters per topic and reason: topic, reason, to be sent, tried too often already."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT letter.topic, letter.reason,
                    count(*) FILTER (WHERE {_ATTEMPT} <= %(most_attempts)s),
                    count(*) FILTER (WHERE {_ATTEMPT} > %(most_attempts)s)
                {_FROM} GROUP BY 1, 2 ORDER BY 1, 2""",
            _parameters(selection),
        )
        return list(cursor.fetchall())


def replay(dsn: str, kafka: Mapping[str, str], selection: Selection, progress: Progress) -> Outcome:
    """Send the selected dead letters to their topics again.

    Raises:
        PlatformError: a server is away, or another replay is under way. What was sent until then is marked.
    """
    outcome = Outcome()
    connection = connect(dsn)
    try:
        _take_turn(connection)
        producer = Producer(
            {
                **kafka,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "message.max.bytes": _LARGEST_RECORD,
                "message.timeout.ms": int(_ANSWER_LIMIT_S * 1000),
            }
        )
        total = sum(count for _, _, count, _ in summary(connection, selection))
        total = min(total, selection.most or total)
        after = 0
        while outcome.sent + len(outcome.lost) < total:
            room = min(_CHUNK, total - outcome.sent - len(outcome.lost))
            letters = _letters(connection, selection, after, room)
            if not letters:
                break
            after = letters[-1].id
            cut = {letter.place for letter in letters if letter.value is None}
            found = _whole_values(kafka, cut) if cut else {}
            whole = [_with_value(letter, found) for letter in letters]
            outcome.lost += [letter.id for letter in whole if letter.value is None]
            _send(connection, producer, [letter for letter in whole if letter.value is not None])
            outcome.sent += sum(letter.value is not None for letter in whole)
            progress.detail(f"{outcome.sent:,} of {total:,} sent")
    except psycopg2.Error as error:
        raise PlatformError(f"PostgreSQL does not go on: {str(error).strip().splitlines()[0]}") from error
    except KafkaException as error:
        raise PlatformError(f"Kafka does not go on: {error}. Run the replay again later.") from error
    finally:
        connection.close()
    return outcome


def connect(dsn: str) -> Connection:
    """Open a connection that may write; raise a PlatformError when it cannot be had."""
    try:
        return psycopg2.connect(dsn, connect_timeout=5, application_name="music-platform-replay")
    except psycopg2.OperationalError as error:
        raise PlatformError(f"PostgreSQL does not answer: {str(error).strip().splitlines()[0]}") from error


def _take_turn(connection: Connection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if cursor.fetchone() != (True,):
            raise PlatformError("Another replay of dead letters is under way: wait for its end.")


def _parameters(selection: Selection) -> dict[str, Any]:
    return {
        "reasons": list(selection.reasons),
        "topics": list(selection.topics),
        "since": selection.since,
        "until": selection.until,
        "most_attempts": selection.most_attempts,
    }


def _letters(connection: Connection, selection: Selection, after: int, most: int) -> list[Letter]:
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT letter.id, letter.topic, letter.partition, letter.kafka_offset,
                    letter.kafka_timestamp, letter.reason, {_ATTEMPT}, letter.key,
                    CASE WHEN length(letter.payload) = letter.payload_bytes THEN letter.payload END
                {_FROM} AND letter.id > %(after)s AND {_ATTEMPT} <= %(most_attempts)s
                ORDER BY letter.id LIMIT %(most)s""",
            {**_parameters(selection), "after": after, "most": most},
        )
        return [
            Letter(row[0], Place(*row[1:5]), row[5], row[6], _bytes(row[7]), _bytes(row[8]))
            for row in cursor.fetchall()
        ]


def _bytes(value: memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _with_value(letter: Letter, found: dict[Place, bytes]) -> Letter:
    if letter.value is not None or letter.place not in found:
        return letter
    return Letter(letter.id, letter.place, letter.reason, letter.attempt, letter.key, found[letter.place])


def _send(connection: Connection, producer: Producer, letters: Sequence[Letter]) -> None:
    """Reserve, send, and mark what the broker has taken."""
    with connection, connection.cursor() as cursor:
        for letter in letters:
            cursor.execute(
                """INSERT INTO ops.dead_letter_replays (dead_letter_id, attempt, topic) VALUES (%s, %s, %s)
                   ON CONFLICT (dead_letter_id) DO UPDATE SET reserved_at = now()""",
                [letter.id, letter.attempt, letter.place.topic],
            )
    taken: dict[int, tuple[int | None, int | None]] = {}
    refused: list[str] = []

    def answered(letter: Letter) -> Any:
        def note(error: KafkaError | None, message: Message) -> None:
            if error is None:
                taken[letter.id] = (message.partition(), message.offset())
            else:
                refused.append(str(error))

        return note

    for letter in letters:
        place = letter.place
        headers: dict[str, str | bytes | None] = {
            "replay_of": f"{place.topic}/{place.partition}/{place.offset}",
            "replay_attempt": str(letter.attempt),
        }
        # To the partition that it came from, where the records of its key are.
        producer.produce(
            place.topic,
            letter.value,
            letter.key,
            place.partition,
            headers=headers,
            on_delivery=answered(letter),
        )
    producer.flush()
    with connection, connection.cursor() as cursor:
        for dead_letter_id, (partition_taken, offset) in taken.items():
            cursor.execute(
                """UPDATE ops.dead_letter_replays SET partition = %s, kafka_offset = %s, sent_at = now()
                   WHERE dead_letter_id = %s""",
                [partition_taken, offset, dead_letter_id],
            )
    if refused:
        raise PlatformError(
            f"Kafka did not take {len(refused)} records ({refused[0]}); the next replay sends them."
        )


def _whole_values(kafka: Mapping[str, str], wanted: set[Place]) -> dict[Place, bytes]:
    """The values of dead letters that the table has cut, from the dead-letter topic."""
    found: dict[Place, bytes] = {}
    for message in _dead_letter_records(kafka):
        headers = dict(message.headers() or [])
        place = _source(headers)
        value = message.value()
        if place in wanted and value is not None and "cut_from" not in headers:
            found[place] = value
        if len(found) == len(wanted):
            break
    return found


def _source(headers: dict[str, Any]) -> Place | None:
    try:
        return Place(
            headers["source_topic"].decode(),
            int(headers["source_partition"]),
            int(headers["source_offset"]),
            datetime.fromisoformat(headers["source_timestamp"].decode()),
        )
    except (KeyError, ValueError, AttributeError):
        return None


def _dead_letter_records(kafka: Mapping[str, str]) -> Iterator[Message]:
    """Every record of the dead-letter topic, once through."""
    consumer = Consumer(
        {
            **kafka,
            "group.id": "music-platform-replay",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": _LARGEST_RECORD,
        }
    )
    try:
        topic = consumer.list_topics(DEAD_LETTER_TOPIC, timeout=_ANSWER_LIMIT_S).topics[DEAD_LETTER_TOPIC]
        # 0 is before the first record that retention has left, where reading then begins.
        consumer.assign([TopicPartition(DEAD_LETTER_TOPIC, number, 0) for number in topic.partitions])
        unread = len(topic.partitions)
        while unread:
            message = consumer.poll(_ANSWER_LIMIT_S)
            if message is None:
                raise PlatformError(f"Kafka gave no record of {DEAD_LETTER_TOPIC} for {_ANSWER_LIMIT_S:g} s.")
            if fault := message.error():
                if fault.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(fault)
                unread -= 1
                continue
            yield message
    finally:
        consumer.close()
