"""Which topic Kafka has, and what it holds already."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from music_contract.connection import secured

from music_producer.sending.stopping import Stop

_log = logging.getLogger(__name__)

_REQUEST_SECONDS = 10.0
_PAUSE_SECONDS = 1.0


def has_records(bootstrap_servers: str, topic: str, stop: Stop) -> bool:
    """Whether the topic ever had a record, also one that retention has removed.

    Asks again without end while the broker is away; True when asked to stop before it answered.
    """
    # It only asks for offsets: the group is never joined.
    client = Consumer(secured({"bootstrap.servers": bootstrap_servers, "group.id": "music-producer"}))
    try:
        while not stop.asked:
            try:
                partitions = client.list_topics(topic, timeout=_REQUEST_SECONDS).topics[topic].partitions
                ends = [
                    client.get_watermark_offsets(TopicPartition(topic, number), timeout=_REQUEST_SECONDS)[1]
                    for number in partitions
                ]
            except KafkaException as error:
                _log.warning("Kafka does not say what %s holds, asking again: %s", topic, error)
                stop.wait(_PAUSE_SECONDS)
            else:
                return any(ends)
        return True
    finally:
        client.close()


def topic_id(bootstrap_servers: str, topic: str, stop: Stop) -> str | None:
    """Return Kafka's id of the topic, which another topic of the same name, made later, does not have.

    Asks again without end while the broker is away; None when asked to stop before it answered.
    """
    client = AdminClient(secured({"bootstrap.servers": bootstrap_servers}))
    while not stop.asked:
        try:
            answer = client.describe_topics(TopicCollection([topic]), request_timeout=_REQUEST_SECONDS)
            return str(answer[topic].result().topic_id)
        except KafkaException as error:
            _log.warning("Kafka does not say which %s it has, asking again: %s", topic, error)
            stop.wait(_PAUSE_SECONDS)
    return None
