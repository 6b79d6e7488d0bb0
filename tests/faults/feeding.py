"""What the tests of faults send to the event topic, by hand: events of a test's own making, good and bad."""

import json
import threading
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from confluent_kafka import Producer
from music_contract import times
from music_contract.topics import STREAM_EVENTS

from tests.second_platform import SecondPlatform


def moment(ahead: timedelta = timedelta()) -> str:
    """The time now, or at a distance from it, as events tell it."""
    return times.to_text(int((datetime.now(UTC) + ahead).timestamp() * 1000))


def event(event_time: str | None = None, **changes: Any) -> dict[str, Any]:
    """A valid event that ended just now."""
    now = event_time or moment()
    token = uuid.uuid4().hex
    return {
        "event_id": f"{token[:8]}-{token[8:12]}-7{token[13:16]}-8{token[17:20]}-{token[20:32]}",
        "event_time": now,
        "started_at": now,
        "user_id": f"user-{token[:2]}",
        "session_id": "session-fault",
        "song_id": f"song-{token[2:4]}",
        "artist_id": f"artist-{token[2]}",
        "album_id": f"album-{token[2:4]}",
        "device_id": f"device-{token[:2]}",
        "location_id": f"location-{token[4]}",
        "ms_played": 31_000,
        "song_duration_ms": 200_000,
        "reason_start": "clickrow",
        "reason_end": "fwdbtn",
        "skipped": True,
        "shuffle": False,
        "offline": False,
        "liked": False,
        "added_to_playlist": False,
        "subscription": "free",
        "experiments": {},
        "produced_at": now,
        "source": "faults",
        **changes,
    }


def encoded(record: Any) -> bytes:
    """A record's value as a console producer writes it."""
    return json.dumps(record).encode()


def producer(platform: SecondPlatform) -> Producer:
    """A producer that tries for ever: whatever is killed, what it was given arrives."""
    return Producer(
        {
            **platform.kafka_client,
            "enable.idempotence": True,
            "message.timeout.ms": 0,
            "message.max.bytes": 2_000_000,
            "linger.ms": 20,
            # A broker that is away on purpose is no news.
            "log_level": 2,
            "queue.buffering.max.kbytes": 131_072,
        }
    )


def send(platform: SecondPlatform, values: Iterable[bytes | None], partition: int = -1) -> None:
    """Send values to the event topic, to all partitions or to one, and wait until the broker has them all."""
    sender = producer(platform)
    refused: list[str] = []

    def answered(error: object, _message: object) -> None:
        if error:
            refused.append(str(error))

    for n, value in enumerate(values):
        while True:
            try:
                sender.produce(STREAM_EVENTS, value, b"user-%d" % n, partition, on_delivery=answered)
                break
            except BufferError:
                sender.poll(0.1)
        sender.poll(0)
    assert sender.flush(120) == 0
    assert refused == []


class Witness:
    """Sends an event now and then between entry and exit, and knows which of them the broker acknowledged."""

    _EVERY_S = 0.05

    def __init__(self, platform: SecondPlatform) -> None:
        self._sender = producer(platform)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._testify, daemon=True)
        self.sent: list[str] = []
        self.acknowledged: list[str] = []

    def __enter__(self) -> "Witness":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._sender.flush(180)

    def _testify(self) -> None:
        while not self._ended.wait(self._EVERY_S):
            said = event()
            identity = str(said["event_id"])
            self.sent.append(identity)
            self._sender.produce(STREAM_EVENTS, encoded(said), on_delivery=self._heard(identity))
            self._sender.poll(0)

    def _heard(self, identity: str) -> Callable[[object, object], None]:
        def note(error: object, _message: object) -> None:
            if error is None:
                self.acknowledged.append(identity)

        return note
