"""Where a run begins: positions from PostgreSQL, held against what Kafka has."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from psycopg2.extensions import cursor as Cursor

from music_spark.ledger import Partition
from music_spark.source import StartingOffsets

log = logging.getLogger(__name__)

_LIMIT_S = 30.0


@dataclass
class KafkaState:
    """Topics as the broker has them."""

    topic_ids: dict[str, str] = field(default_factory=dict)
    earliest: dict[Partition, int] = field(default_factory=dict)
    latest: dict[Partition, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """The first offset of each partition, and what was found on the way, in sentences by kind of event."""

    offsets: StartingOffsets
    findings: list[tuple[str, str]]
    rewound: dict[Partition, int] = field(default_factory=dict)
    """Partitions that end before their stored position, with their end: the position has to go back to it,
    or the records written there next would be taken for known ones.
    """


def read_kafka(bootstrap_servers: str, topics: tuple[str, ...]) -> KafkaState:
    """Ask the broker for ids and offsets; KafkaException when it is away, KeyError-like sentence when a topic
    is not there.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "socket.timeout.ms": int(_LIMIT_S * 1000)})
    state = KafkaState()
    partitions: list[TopicPartition] = []
    for name, future in admin.describe_topics(
        TopicCollection(list(topics)), request_timeout=_LIMIT_S
    ).items():
        description = future.result()
        state.topic_ids[name] = str(description.topic_id)
        partitions += [TopicPartition(name, partition.id) for partition in description.partitions]
    first, end = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
    for spec, into in ((first, state.earliest), (end, state.latest)):
        answers = admin.list_offsets(dict.fromkeys(partitions, spec), request_timeout=_LIMIT_S)
        for partition, answer in answers.items():
            into[partition.topic, partition.partition] = answer.result().offset
    return state


def stored_positions(cursor: Cursor) -> dict[tuple[str, int, str], int]:
    """(topic, partition, topic id) -> next offset, of all incarnations."""
    cursor.execute("SELECT topic, partition, topic_id, position FROM ops.partitions")
    return {
        (topic, partition, topic_id): position for topic, partition, topic_id, position in cursor.fetchall()
    }


def rewind(cursor: Cursor, topic_ids: Mapping[str, str], rewound: Mapping[Partition, int]) -> None:
    """Move stored positions back to where their partitions end now; resends are known by their event_id."""
    for (topic, partition), end in rewound.items():
        cursor.execute(
            "UPDATE ops.partitions SET position = %s WHERE (topic, partition, topic_id) = (%s, %s, %s)",
            [end, topic, partition, topic_ids[topic]],
        )


def choose(kafka: KafkaState, stored: Mapping[tuple[str, int, str], int]) -> Start:
    """The offsets to start from: the stored position, as far as Kafka still holds it.

    A partition without a position starts at its first record. A topic with another id than the stored one was
    recreated: its offsets begin anew. Records between the position and the first that Kafka holds are gone:
    the batch that reads on counts them.
    """
    offsets: StartingOffsets = {}
    findings: list[tuple[str, str]] = []
    rewound: dict[Partition, int] = {}
    former = {topic: topic_id for topic, _, topic_id in stored}
    present = {(topic, topic_id) for topic, _, topic_id in stored}
    for topic, topic_id in kafka.topic_ids.items():
        if topic in former and (topic, topic_id) not in present:
            findings.append(
                ("topic_recreated", f"{topic} was recreated; it is read from its first record on")
            )
    for (topic, partition), earliest in sorted(kafka.earliest.items()):
        position = stored.get((topic, partition, kafka.topic_ids[topic]))
        latest = kafka.latest[topic, partition]
        if position is not None and position > latest:
            rewound[topic, partition] = latest
            findings.append(
                (
                    "records_missing",
                    f"{topic}, partition {partition}, ends at {latest}, before our position {position}",
                )
            )
        start = earliest if position is None else min(max(position, earliest), latest)
        offsets.setdefault(topic, {})[str(partition)] = start
    return Start(offsets, findings, rewound)
