"""Dead letters: to the dead-letter topic as they came, and to ops.dead_letters for people."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pyarrow as pa
from confluent_kafka import KafkaException, Producer
from music_contract.connection import secured
from music_contract.topics import DEAD_LETTERS
from psycopg2.extensions import cursor as Cursor

from music_spark.records.event_schema import TIMESTAMP
from music_spark.records.triage import DeadLetter
from music_spark.warehouse.postgres import copy_in, fetch_value

log = logging.getLogger(__name__)

KEPT_BYTES = 65_536
"""How much of a value ops.dead_letters keeps."""

MAX_RECORD_BYTES = 2_097_152
"""The largest record to the dead-letter topic: the broker's largest value and its headers fit."""

_ROOM_FOR_HEADERS = 16_384


def record(cursor: Cursor, letters: Sequence[DeadLetter]) -> None:
    """Write the dead letters into ops.dead_letters."""
    if not letters:
        return
    now = fetch_value(cursor, "SELECT clock_timestamp()")
    schema = pa.schema(
        {
            "topic": pa.string(),
            "partition": pa.int32(),
            "kafka_offset": pa.int64(),
            "kafka_timestamp": TIMESTAMP,
            "reason": pa.string(),
            "detail": pa.string(),
            "key": pa.binary(),
            "payload": pa.binary(),
            "payload_bytes": pa.int64(),
            "recorded_at": TIMESTAMP,
        }
    )
    rows = [
        {
            "topic": letter.origin.topic,
            "partition": letter.origin.partition,
            "kafka_offset": letter.origin.offset,
            "kafka_timestamp": letter.origin.appended_at,
            "reason": str(letter.reason),
            "detail": letter.detail,
            "key": letter.key,
            "payload": letter.value[:KEPT_BYTES] if letter.value is not None else None,
            "payload_bytes": letter.value_bytes,
            "recorded_at": now,
        }
        for letter in letters
    ]
    copy_in(cursor, "ops.dead_letters", pa.Table.from_pylist(rows, schema))


class NotTaken(Exception):
    """The broker did not take the dead letters: to be tried again."""


class DeadLetterTopic:
    """The edge to the dead-letter topic.

    A record may come to it twice when the job dies between sending and its commit; the headers name the
    source record, so that a reader can tell. ops.dead_letters has each once.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._settings = secured(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "message.max.bytes": MAX_RECORD_BYTES,
                "message.timeout.ms": 60_000,
            }
        )
        self._producer = Producer(self._settings)

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Send and wait until the broker has them all; NotTaken when it does not take them."""
        try:
            self._send(letters)
        except (NotTaken, KafkaException):
            # A client that met a fatal error takes nothing any more: the next attempt gets a new one.
            self._producer.purge()
            self._producer = Producer(self._settings)
            raise

    def _send(self, letters: Sequence[DeadLetter]) -> None:
        failures: list[str] = []

        def delivered(error: object, _message: object) -> None:
            if error is not None:
                failures.append(str(error))

        for letter in letters:
            key, value, headers = message(letter)
            while True:
                try:
                    self._producer.produce(DEAD_LETTERS, value, key, headers=headers, on_delivery=delivered)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        self._producer.flush()
        if failures:
            raise NotTaken(f"{len(failures)} dead letters could not be sent: {failures[0]}")


def message(letter: DeadLetter) -> tuple[bytes | None, bytes | None, dict[str, str | bytes | None]]:
    """Key, value and headers of a letter's record: as it came, but for what is too large for any record.

    The broker's limit is one for compressed records: what they hold may be of any length. Of such a record
    the beginning is kept, and the header cut_from says how many bytes key and value had.
    """
    key, value, headers = letter.key, letter.value, _headers(letter)
    length = len(key or b"") + len(value or b"")
    if length > MAX_RECORD_BYTES - _ROOM_FOR_HEADERS:
        key, value = (part and part[:KEPT_BYTES] for part in (key, value))
        headers["cut_from"] = str(length)
    return key, value, headers


def _headers(letter: DeadLetter) -> dict[str, str | bytes | None]:
    origin = letter.origin
    return {
        "reason": str(letter.reason),
        "detail": letter.detail,
        "source_topic": origin.topic,
        "source_partition": str(origin.partition),
        "source_offset": str(origin.offset),
        "source_timestamp": origin.appended_at.isoformat(timespec="milliseconds"),
    }
