"""The Kafka edge: every record given is delivered, in order for its key, however often Kafka goes away.

The client (librdkafka, idempotent, acks=all) retries by itself without end. Two things it leaves to us: a
fatal error, after which it will not work again, and an error with which it gives a record up, such as a topic
that is not there yet. Both are met the same way: a new client gets all records that are not acknowledged, in
their order. A record whose acknowledgement was lost on the way is then written twice; consumers know it by
its event_id, and the compacted topics by its key.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from music_contract.wire import frame

from music_producer.outage import OutageWatch
from music_producer.source import Record

_log = logging.getLogger(__name__)

MOST_UNACKNOWLEDGED = 50_000
"""So many records may be on their way; giving one more waits."""

_POLL_SECONDS = 0.1
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0

# Errors that no retry can mend: the record itself is refused.
_HOPELESS = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.INVALID_MSG,
    KafkaError.INVALID_RECORD,
}


class RecordRefusedError(Exception):
    """Kafka refuses a record for what it is; sending it again would change nothing."""


@dataclass
class Tally:
    """What Kafka has acknowledged, exactly."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    """Records by topic."""
    resent: int = 0
    """Records given to a new client because the old one had failed."""
    smallest_event_time_ms: int | None = None
    largest_event_time_ms: int | None = None

    def add(self, record: Record) -> None:
        """Count one acknowledged record."""
        self.acknowledged[record.topic] += 1
        moment = record.event_time_ms
        if moment is None:
            return
        if self.smallest_event_time_ms is None or moment < self.smallest_event_time_ms:
            self.smallest_event_time_ms = moment
        if self.largest_event_time_ms is None or moment > self.largest_event_time_ms:
            self.largest_event_time_ms = moment


class Delivery:
    """Delivers records to Kafka; all of it happens in the thread that calls."""

    def __init__(
        self,
        bootstrap_servers: str,
        schema_ids: Mapping[str, int],
        *,
        give_up: Callable[[], bool] = lambda: False,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect, in the background.

        While something here waits for Kafka, `meanwhile` is called some times a second, and nothing waits any
        more once `give_up` says so.
        """
        self.tally = Tally()
        self.outages = OutageWatch()
        self._bootstrap_servers = bootstrap_servers
        self._schema_ids = schema_ids
        self._give_up = give_up
        self._meanwhile = meanwhile
        self._given = 0
        # By number of giving; a dict keeps the order, in which a new client gets them.
        self._unacknowledged: dict[int, Record] = {}
        self._failure: str | None = None
        self._refusal: str | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._client = self._new_client()

    @property
    def unacknowledged(self) -> int:
        """How many given records Kafka has not acknowledged yet."""
        return len(self._unacknowledged)

    def send(self, record: Record) -> None:
        """Give a record; waits while too many are on their way."""
        while len(self._unacknowledged) >= MOST_UNACKNOWLEDGED and not self._give_up():
            self.serve(_POLL_SECONDS)
            self._meanwhile()
        number = self._given
        self._given += 1
        self._unacknowledged[number] = record
        self._produce(number, record)

    def serve(self, seconds: float) -> None:
        """Take in acknowledgements for so long at most; replace a client that has failed.

        RecordRefusedError when Kafka refuses a record for what it is.
        """
        self._client.poll(seconds)
        self.outages.look(time.monotonic(), len(self._unacknowledged))
        if self._refusal:
            raise RecordRefusedError(self._refusal)
        if self._failure:
            self._replace_client()

    def flush(self) -> int:
        """Wait until all is acknowledged or it is time to give up; return how many records are not."""
        while self._unacknowledged and not self._give_up():
            # Unlike poll, the client's own flush sends at once what it still gathers.
            self._client.flush(_POLL_SECONDS)
            self.serve(0)
            self._meanwhile()
        return len(self._unacknowledged)

    def _new_client(self) -> Producer:
        silent = logging.getLogger(f"{__name__}.client")
        silent.addHandler(logging.NullHandler())
        silent.propagate = False
        settings: dict[str, Any] = {
            "bootstrap.servers": self._bootstrap_servers,
            "client.id": "music-producer",
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            # The partition that Kafka's own Java clients choose for the key.
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            # A record never grows too old to be tried again.
            "message.timeout.ms": 0,
            "queue.buffering.max.messages": 2 * MOST_UNACKNOWLEDGED,
            "reconnect.backoff.max.ms": 2_000,
            "retry.backoff.max.ms": 2_000,
            # How long a topic that is not there may be new, and its metadata on its way.
            "topic.metadata.propagation.max.ms": 5_000,
            "error_cb": self._on_error,
            # The client writes a line for every try; OutageWatch writes one for every outage.
            "logger": silent,
        }
        return Producer(settings)

    def _produce(self, number: int, record: Record) -> None:
        schema_id = self._schema_ids.get(record.topic)
        value = record.payload if schema_id is None else frame(schema_id, record.payload)
        delivered = partial(self._on_delivery, number)
        while True:
            try:
                self._client.produce(record.topic, value, record.key, on_delivery=delivered)
                return
            except BufferError:
                self._client.poll(_POLL_SECONDS)
            except KafkaException as error:
                # Left among the unacknowledged: serve() gives it to the next client.
                self._note_error(error.args[0], record)
                return

    def _on_delivery(self, number: int, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            if number in self._unacknowledged:
                self._note_error(error, self._unacknowledged[number])
            return
        # Missing when a failed client's acknowledgement comes after the record was given again.
        if record := self._unacknowledged.pop(number, None):
            self.tally.add(record)
            self._pause = _FIRST_PAUSE_SECONDS
            self.outages.acknowledged(time.monotonic())

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.outages.failed(time.monotonic(), f"no broker of {self._bootstrap_servers} can be reached")

    def _note_error(self, error: KafkaError, record: Record) -> None:
        if error.code() in _HOPELESS:
            self._refusal = f"{record.topic}: {error.str()} (a value of {len(record.payload)} bytes)"
        self._failure = f"{record.topic}: {error.str()}"

    def _replace_client(self) -> None:
        """Give everything that is not acknowledged to a new client, in order, after a growing pause."""
        self.outages.failed(time.monotonic(), self._failure or "the client failed")
        failed = self._client
        failed.purge()
        failed.flush(_POLL_SECONDS)  # takes in the acknowledgements that had come
        time.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        self._failure = None
        self._client = self._new_client()
        waiting = list(self._unacknowledged.items())
        self.tally.resent += len(waiting)
        for number, record in waiting:
            self._produce(number, record)
