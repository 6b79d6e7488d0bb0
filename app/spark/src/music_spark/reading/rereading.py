"""Records read again from Kafka by their places: what a batch left there because of its size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from music_contract.connection import secured

from music_spark.warehouse.ledger import Partition

Place = tuple[str, int, int]
"""Topic, partition, offset."""

Content = tuple[bytes | None, bytes | None]
"""Key and value."""

_LIMIT_S = 60.0
_SEEK_BEYOND = 500
"""Reading over this many records is cheaper than asking for a place anew."""


class NotGiven(Exception):
    """The broker did not give the records back: to be tried again."""


class Rereader:
    """The edge to Kafka for single records."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._settings = {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "music-stream-rereading",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 2_097_152,
            # What the client fetches ahead is memory of the driver.
            "queued.max.messages.kbytes": 16_384,
        }

    def __call__(self, places: Iterable[Place]) -> dict[Place, Content]:
        """Key and value of each record; a record that Kafka no longer holds is not in the answer.

        Raises:
            NotGiven: the broker is away.
        """
        wanted: dict[Partition, list[int]] = defaultdict(list)
        for topic, partition, offset in places:
            wanted[topic, partition].append(offset)
        if not wanted:
            return {}
        found: dict[Place, Content] = {}
        consumer = Consumer(secured(self._settings))
        try:
            for (topic, partition), offsets in wanted.items():
                for offset, content in _read(consumer, topic, partition, sorted(offsets)):
                    found[topic, partition, offset] = content
        except KafkaException as error:
            raise NotGiven(f"records could not be read again: {error}") from error
        finally:
            consumer.close()
        return found


def _read(
    consumer: Consumer, topic: str, partition: int, offsets: list[int]
) -> Iterable[tuple[int, Content]]:
    """The records at the offsets (ascending) that are still there."""
    at = -_SEEK_BEYOND - 1
    waiting = list(reversed(offsets))
    while waiting:
        if waiting[-1] - at > _SEEK_BEYOND:
            consumer.assign([TopicPartition(topic, partition, waiting[-1])])
        message = consumer.poll(_LIMIT_S)
        if message is None:
            raise NotGiven(f"{topic}, partition {partition}: no record came within {_LIMIT_S:g} s")
        if fault := message.error():
            if fault.code() == KafkaError._PARTITION_EOF:
                return
            raise NotGiven(f"{topic}, partition {partition}: {fault}")
        offset = message.offset()
        assert offset is not None, "a record has an offset"
        at = offset
        # Whatever lies before a record that came is gone: removed by compaction or retention.
        while waiting and waiting[-1] < at:
            waiting.pop()
        if waiting and waiting[-1] == at:
            waiting.pop()
            yield at, (message.key(), message.value())
