"""The Kafka edge: every record given is delivered, in order for its key, however often Kafka goes away.

The client (librdkafka, idempotent, acks=all) retries by itself without end. Two things it leaves to us: a
fatal error, after which it will not work again, and an error with which it gives a record up, such as a topic
that is not there yet. Both are met the same way: a new client gets all records that are not acknowledged, in
their order. A record whose acknowledgement was lost on the way is then written twice; consumers know it by
its event_id, and the compacted topics by its key.

For speed the client reports failures only. What is acknowledged is what was given, less what the client still
holds and what it gave back: exact whenever the client holds nothing, and never too much in between.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from music_contract.connection import secured
from music_contract.wire import frame

from music_producer.sending.outage import OutageWatch
from music_producer.source import Record

_log = logging.getLogger(__name__)

MOST_UNACKNOWLEDGED = 100_000
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
    """What Kafka has acknowledged: exact when nothing is on its way, and never too much."""

    acknowledged: Counter[str] = field(default_factory=Counter)
    """Records by topic."""
    resent: int = 0
    """Records given to a new client because the old one had failed."""
    smallest_event_time_ms: int | None = None
    """Of the events given, as the largest."""
    largest_event_time_ms: int | None = None

    def note_event_times(self, smallest_ms: int, largest_ms: int) -> None:
        """Widen the range of event times."""
        smallest, largest = self.smallest_event_time_ms, self.largest_event_time_ms
        self.smallest_event_time_ms = smallest_ms if smallest is None else min(smallest, smallest_ms)
        self.largest_event_time_ms = largest_ms if largest is None else max(largest, largest_ms)


class _Returned(NamedTuple):
    """A record that the client gave back."""

    topic: str
    value: bytes | None
    key: bytes | None


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
        self._given: Counter[str] = Counter()
        self._acknowledged = 0
        # Given back by the client: those that were under way had been given before those that waited in it,
        # and these before those that it did not even take.
        self._under_way: list[_Returned] = []
        self._waited: list[_Returned] = []
        self._not_accepted: list[_Returned] = []
        self._failure: str | None = None
        self._refusal: str | None = None
        self._pause = _FIRST_PAUSE_SECONDS
        self._client = self._new_client()

    @property
    def unacknowledged(self) -> int:
        """How many given records Kafka has not acknowledged yet, as far as is known."""
        given_back = len(self._under_way) + len(self._waited) + len(self._not_accepted)
        return len(self._client) + given_back

    def given(self, topic: str) -> int:
        """How many records of a topic were given."""
        return self._given[topic]

    def send(self, record: Record) -> None:
        """Give a record; waits while too many are on their way."""
        schema_id = self._schema_ids.get(record.topic)
        value = record.payload
        if schema_id is not None and value is not None:
            value = frame(schema_id, value)
        if record.event_time_ms is not None:
            self.tally.note_event_times(record.event_time_ms, record.event_time_ms)
        self._wait_for_room()
        self._given[record.topic] += 1
        self._produce(_Returned(record.topic, value, record.key))

    def send_all(self, topic: str, values: Sequence[bytes | None], keys: Sequence[bytes]) -> None:
        """Give many records of one topic, values with their wire prefix; waits while too many are on their
        way.
        """
        messages: list[dict[str, Any]] = [
            {"value": value, "key": key} for value, key in zip(values, keys, strict=True)
        ]
        self._given[topic] += len(messages)
        while messages:
            self._wait_for_room()
            try:
                self._client.produce_batch(topic, messages, on_delivery=self._on_failure)
            except KafkaException as error:
                # Nothing was taken: the next client gets them all.
                for message in messages:
                    self._on_refused(error.args[0], _Returned(topic, message["value"], message["key"]))
                return
            messages = self._without_room(topic, messages)

    def _without_room(self, topic: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the messages for which the client had no room; those that it refuses go the way of
        failures.
        """
        left = []
        for message in messages:
            error = message.pop("_error", None)
            if error is None:
                continue
            if error.code() == KafkaError._QUEUE_FULL:
                left.append(message)
            else:
                self._on_refused(error, _Returned(topic, message["value"], message["key"]))
        return left

    def serve(self, seconds: float) -> None:
        """Take in acknowledgements for so long at most; replace a client that has failed.

        RecordRefusedError when Kafka refuses a record for what it is.
        """
        self._client.poll(seconds)
        self._count()
        self.outages.look(time.monotonic(), self.unacknowledged)
        if self._refusal:
            raise RecordRefusedError(self._refusal)
        if self._failure:
            self._replace_client()

    def flush(self) -> int:
        """Wait until all is acknowledged or it is time to give up; return how many records are not."""
        while self.unacknowledged and not self._give_up():
            # Unlike poll, the client's own flush sends at once what it still gathers.
            self._client.flush(_POLL_SECONDS)
            self.serve(0)
            self._meanwhile()
        self._count()
        return self.unacknowledged

    def _count(self) -> None:
        """Bring the tally up to what is certain."""
        left = self.unacknowledged
        acknowledged = self._given.total() - left
        if acknowledged <= self._acknowledged and left:
            return
        if acknowledged > self._acknowledged:
            self._acknowledged = acknowledged
            self._pause = _FIRST_PAUSE_SECONDS
            self.outages.acknowledged(time.monotonic())
        known = self.tally.acknowledged
        for topic, given in self._given.items():
            # Any of those on their way may be of this topic.
            if (certain := given - left) > known[topic]:
                known[topic] = certain

    def _wait_for_room(self) -> None:
        while len(self._client) >= MOST_UNACKNOWLEDGED and not self._give_up():
            self.serve(_POLL_SECONDS)
            self._meanwhile()

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
            "batch.size": 1_000_000,
            # A record never grows too old to be tried again.
            "message.timeout.ms": 0,
            "queue.buffering.max.messages": 2 * MOST_UNACKNOWLEDGED,
            "queue.buffering.max.kbytes": 1_000_000,
            "delivery.report.only.error": True,
            "reconnect.backoff.max.ms": 2_000,
            "retry.backoff.max.ms": 2_000,
            # How long a topic that is not there may be new, and its metadata on its way.
            "topic.metadata.propagation.max.ms": 5_000,
            "error_cb": self._on_error,
            # The client writes a line for every try; OutageWatch writes one for every outage.
            "logger": silent,
        }
        return Producer(secured(settings))

    def _produce(self, record: _Returned) -> None:
        while True:
            try:
                self._client.produce(record.topic, record.value, record.key, on_delivery=self._on_failure)
                return
            except BufferError:
                self._client.poll(_POLL_SECONDS)
            except KafkaException as error:
                # serve() gives it to the next client.
                self._on_refused(error.args[0], record)
                return

    def _on_failure(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        record = _Returned(str(message.topic()), message.value(), message.key())
        if error.code() == KafkaError._PURGE_QUEUE:
            self._waited.append(record)
            return
        self._under_way.append(record)
        if error.code() != KafkaError._PURGE_INFLIGHT:
            self._note_error(error, record)

    def _on_refused(self, error: KafkaError, record: _Returned) -> None:
        self._not_accepted.append(record)
        self._note_error(error, record)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error.str()
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.outages.failed(time.monotonic(), f"no broker of {self._bootstrap_servers} can be reached")

    def _note_error(self, error: KafkaError, record: _Returned) -> None:
        if error.code() in _HOPELESS:
            size = len(record.value or b"")
            self._refusal = f"{record.topic}: {error.str()} (a value of {size} bytes)"
        self._failure = f"{record.topic}: {error.str()}"

    def _replace_client(self) -> None:
        """Give everything that is not acknowledged to a new client, in order, after a growing pause."""
        self.outages.failed(time.monotonic(), self._failure or "the client failed")
        self._client.purge()
        while len(self._client):
            # Takes in the acknowledgements that had come, and all other records back.
            self._client.poll(_POLL_SECONDS)
        time.sleep(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)
        self._failure = None
        self._client = self._new_client()
        waiting = self._under_way + self._waited + self._not_accepted
        self._under_way, self._waited, self._not_accepted = [], [], []
        self.tally.resent += len(waiting)
        for record in waiting:
            self._produce(record)
