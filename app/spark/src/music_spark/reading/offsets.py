"""Where a run begins: positions from PostgreSQL, held against what Kafka has."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from music_contract.connection import secured
from music_contract.topics import TOPICS
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from music_spark.reading.source import StartingOffsets
from music_spark.warehouse import ledger
from music_spark.warehouse.ledger import Partition

log = logging.getLogger(__name__)

_LIMIT_S = 30.0
# Of a question that is asked again when there was no answer.
_ANSWER_LIMIT_S = 5.0

Incarnation = tuple[str, int, str]
"""Topic, partition and Kafka's id of the topic: a recreated topic has another."""


@dataclass
class KafkaState:
    """Topics as the broker has them."""

    topic_ids: dict[str, str] = field(default_factory=dict)
    earliest: dict[Partition, int] = field(default_factory=dict)
    latest: dict[Partition, int] = field(default_factory=dict)
    newer: dict[Partition, int] = field(default_factory=dict)
    """The first record that was appended after all that were read, where there is one. Before the stored
    position it cannot be, unless the log lost its end and others were written there.
    """


@dataclass(frozen=True)
class Start:
    """The first offset of each partition, and what was found on the way, in sentences by kind of event."""

    offsets: StartingOffsets
    findings: list[tuple[str, str]]
    begun: dict[Partition, int] = field(default_factory=dict)
    """Partitions without a stored position, with the one that they get: from now on it shows what is taken
    from them before it is read.
    """
    rewound: dict[Partition, int] = field(default_factory=dict)
    """Partitions whose log lost what stood before the stored position, with where it ends or goes on with
    other records: the position has to go back to it, or those would be taken for known ones.
    """
    skipped: dict[Partition, int] = field(default_factory=dict)
    """Partitions that begin behind their stored position, with their first offset: what lay between is gone.
    """


def read_kafka(
    bootstrap_servers: str,
    topics: tuple[str, ...],
    read_until: Mapping[Incarnation, datetime] = MappingProxyType({}),
) -> KafkaState:
    """Ask the broker for ids and offsets; KafkaException when it is away, KeyError-like sentence when a topic
    is not there.

    `read_until` tells when the newest record that was read was appended.
    """
    admin = AdminClient(
        secured({"bootstrap.servers": bootstrap_servers, "socket.timeout.ms": int(_LIMIT_S * 1000)})
    )
    state = KafkaState()
    partitions: list[TopicPartition] = []
    for name, future in admin.describe_topics(
        TopicCollection(list(topics)), request_timeout=_LIMIT_S
    ).items():
        description = future.result()
        state.topic_ids[name] = str(description.topic_id)
        partitions += [TopicPartition(name, partition.id) for partition in description.partitions]
    first, end = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
    newer = {}
    for partition in partitions:
        moment = read_until.get((partition.topic, partition.partition, state.topic_ids[partition.topic]))
        if moment:
            newer[partition] = OffsetSpec.for_timestamp(_milliseconds(moment) + 1)
    for asked, into in (
        (dict.fromkeys(partitions, first), state.earliest),
        (dict.fromkeys(partitions, end), state.latest),
        (newer, state.newer),
    ):
        answers = admin.list_offsets(asked, request_timeout=_LIMIT_S) if asked else {}
        for partition, answer in answers.items():
            # There is none as new as asked: -1.
            if (offset := answer.result().offset) >= 0:
                into[partition.topic, partition.partition] = offset
    return state


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


class TopicRecreated(Exception):
    """A topic has another id than at the start of the run: it was deleted and made again."""


class TopicWatch:
    """Asks the broker whether the topics are still the ones that a run began with.

    Asked after records were read and before they are committed: an id never comes back, so that what was read
    before belongs to the topic that the positions are of.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._settings = secured({"bootstrap.servers": bootstrap_servers})
        self._admin = AdminClient(self._settings)

    def __call__(self, topic_ids: Mapping[str, str]) -> None:
        """Raise TopicRecreated for a topic with another id, KafkaException when the broker is away."""
        try:
            found = self._ask(list(topic_ids))
        except KafkaException:
            # A client stays with the broker that it takes for the controller, without a pause between its
            # attempts, even when that broker is dead and others answer: a new one asks those.
            self._admin = AdminClient(self._settings)
            raise
        for name, topic_id in found.items():
            if topic_id != topic_ids[name]:
                raise TopicRecreated(f"{name} was recreated while it was read; the query begins again")

    def _ask(self, names: list[str]) -> dict[str, str]:
        answers = self._admin.describe_topics(TopicCollection(names), request_timeout=_ANSWER_LIMIT_S)
        return {name: str(answer.result().topic_id) for name, answer in answers.items()}


def stored(cursor: Cursor) -> tuple[dict[Incarnation, int], dict[Incarnation, datetime]]:
    """The next offset of every partition that was ever read, and when the newest record read was appended."""
    cursor.execute("SELECT topic, partition, topic_id, position, appended_at FROM ops.partitions")
    positions: dict[Incarnation, int] = {}
    appends: dict[Incarnation, datetime] = {}
    for topic, partition, topic_id, position, appended_at in cursor.fetchall():
        positions[topic, partition, topic_id] = position
        if appended_at:
            appends[topic, partition, topic_id] = appended_at
    return positions, appends


def settle(cursor: Cursor, run_id: UUID, topic_ids: Mapping[str, str], start: Start) -> None:
    """Store where a run begins: positions of new partitions, those that move to where Kafka's partitions
    begin or end by now, what is missing, and what was found.

    Behind an end that is new, resends are known by their event_id.
    """
    if start.begun:
        execute_values(
            cursor,
            """INSERT INTO ops.partitions (topic, partition, topic_id, position, first_position)
               VALUES %s ON CONFLICT (topic, partition, topic_id) DO NOTHING""",
            [
                (topic, partition, topic_ids[topic], position, position)
                for (topic, partition), position in start.begun.items()
            ],
        )
    for (topic, partition), position in {**start.rewound, **start.skipped}.items():
        cursor.execute(
            """UPDATE ops.partitions SET missing = missing + greatest(%s - position, 0),
                   rewound = rewound + greatest(position - %s, 0),
                   position = %s, updated_at = clock_timestamp()
               WHERE (topic, partition, topic_id) = (%s, %s, %s)""",
            [position, position, position, topic, partition, topic_ids[topic]],
        )
    for kind, detail in start.findings:
        ledger.note(cursor, run_id, kind, detail)


def choose(kafka: KafkaState, positions: Mapping[Incarnation, int]) -> Start:
    """The offsets to start from: the stored position, as far as Kafka still holds it.

    A partition without a position starts at its first record: in a topic that is read for the first time
    where that stands, in one that is known at offset 0, as there was nobody to read what it had before. A
    topic with another id than the stored one was recreated: its offsets begin anew. Records between the
    position and the first that Kafka holds are gone and counted; in a compacted topic that is no loss.
    """
    offsets: StartingOffsets = {}
    findings: list[tuple[str, str]] = []
    begun: dict[Partition, int] = {}
    rewound: dict[Partition, int] = {}
    skipped: dict[Partition, int] = {}
    former = {topic: topic_id for topic, _, topic_id in positions}
    present = {(topic, topic_id) for topic, _, topic_id in positions}
    for topic, topic_id in kafka.topic_ids.items():
        if topic in former and (topic, topic_id) not in present:
            findings.append(
                ("topic_recreated", f"{topic} was recreated; it is read from its first record on")
            )
    for (topic, partition), earliest in sorted(kafka.earliest.items()):
        position = positions.get((topic, partition, kafka.topic_ids[topic]))
        latest = kafka.latest[topic, partition]
        if position is None:
            position = begun[topic, partition] = 0 if topic in former else earliest
        intact = min(latest, kafka.newer.get((topic, partition), latest))
        if position > intact:
            rewound[topic, partition] = intact
            what = f"ends at {intact}" if intact == latest else f"has other records from {intact} on"
            findings.append(
                (
                    "records_missing",
                    f"{topic}, partition {partition}, {what}, before our position {position}",
                )
            )
            position = intact
        elif position < earliest and TOPICS[topic].cleanup_policy == "delete":
            skipped[topic, partition] = earliest
            findings.append(
                (
                    "records_missing",
                    f"{earliest - position} records of {topic}, partition {partition}, were gone before they"
                    f" were read: it begins at {earliest}, behind our position {position}",
                )
            )
        offsets.setdefault(topic, {})[str(partition)] = min(max(position, earliest), latest)
    return Start(offsets, findings, begun, rewound, skipped)
