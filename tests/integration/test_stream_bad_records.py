"""Bad records of every kind, sent as a console producer would: each ends in the dead letters, the good ones
are stored.
"""

import json
import secrets
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from music_contract import times, wire
from music_contract.topics import DEAD_LETTERS, STREAM_EVENTS

from tests import audit, records
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

BROKER_MAX_BYTES = 1_048_588
"""message.max.bytes of the broker: a record batch of one message may be this large."""
KEPT_BYTES = 65_536


def _event(**changes: Any) -> dict[str, Any]:
    """A playback of this moment that no other test has made."""
    now = times.to_text(int(datetime.now(UTC).timestamp() * 1000))
    moments = dict.fromkeys(("event_time", "started_at", "produced_at"), now)
    return records.playback(secrets.randbits(48), **moments, source="console", **changes)


def _json(record: Any) -> bytes:
    return json.dumps(record).encode()


def _without(field: str) -> dict[str, Any]:
    record = _event()
    del record[field]
    return record


def _bad_records() -> list[tuple[str, bytes | None]]:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    return [
        ("not_json", b"this is not JSON"),
        ("empty", b""),
        ("empty", None),
        ("missing_field", _json(_without("song_id"))),
        ("wrong_type", _json(_event(ms_played="31000"))),
        ("wrong_type", _json(_event(user_id=42))),
        ("wrong_type", _json([1, 2, 3])),
        ("unknown_schema", wire.frame(999_999, _json(_event()))),
        ("future_time", _json(_event() | {"event_time": times.to_text(int(in_an_hour.timestamp() * 1000))})),
        ("negative_ms_played", _json(_event(ms_played=-1))),
        ("absurd_ms_played", _json(_event(ms_played=10**9))),
    ]


def _send(
    platform: SecondPlatform,
    values: list[bytes | None],
    largest: int = 1_000_000,
    key: bytes = b"user-console",
    compression: str = "none",
) -> None:
    producer = Producer(
        {
            **platform.kafka_client,
            "acks": "all",
            "message.max.bytes": largest + 1000,
            "compression.type": compression,
        }
    )
    refused: list[str] = []
    for value in values:
        producer.produce(
            STREAM_EVENTS,
            value,
            key,
            on_delivery=lambda error, _: refused.append(str(error)) if error else None,
        )
    assert producer.flush(30) == 0
    assert refused == []


@pytest.mark.integration
def test_each_bad_record_becomes_a_dead_letter_with_its_reason_and_the_good_ones_around_it_are_stored(
    platform: SecondPlatform,
) -> None:
    key = f"user-{uuid.uuid4().hex}".encode()
    bad = _bad_records()
    good = [_event() for _ in range(len(bad) + 1)]
    values: list[bytes | None] = [_json(good[0])]
    for (_, value), following in zip(bad, good[1:], strict=True):
        values += [value, _json(following)]
    _send(platform, values, key=key)

    def all_arrived() -> Counter[str] | None:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute("SELECT reason FROM ops.dead_letters WHERE key = %s", [key])
            found = Counter(reason for (reason,) in cursor.fetchall())
            cursor.execute(
                "SELECT count(*) FROM warehouse.stream_events WHERE event_id = ANY(%s::uuid[])",
                [[event["event_id"] for event in good]],
            )
            stored = cursor.fetchone()[0]
        return found if stored == len(good) and found.total() >= len(bad) else None

    reasons = wait_until(all_arrived, 120, f"{len(good)} good and {len(bad)} bad records arrive")
    print(f"reasons: {dict(reasons)}")
    assert reasons == Counter(reason for reason, _ in bad)
    assert audit.books(platform.postgres_dsn).balanced


@pytest.mark.integration
def test_a_value_of_the_largest_size_that_the_broker_takes_reaches_the_dead_letter_topic_whole(
    platform: SecondPlatform,
) -> None:
    token = uuid.uuid4().hex
    # The record batch around a value takes about a hundred bytes.
    value = token.encode().ljust(BROKER_MAX_BYTES - 150, b"x")
    _send(platform, [value], largest=BROKER_MAX_BYTES)

    assert _recorded(platform, token) == ("too_large", len(value), KEPT_BYTES)
    headers = _headers_on_the_dead_letter_topic(platform, value)
    assert headers["reason"] == b"too_large"
    assert headers["source_topic"] == STREAM_EVENTS.encode()


@pytest.mark.integration
def test_of_a_value_that_only_its_compression_let_through_the_beginning_reaches_the_dead_letter_topic(
    platform: SecondPlatform,
) -> None:
    token = uuid.uuid4().hex
    value = token.encode().ljust(10_000_000, b"x")
    _send(platform, [value, _json(_event())], largest=len(value), compression="lz4")

    assert _recorded(platform, token) == ("too_large", len(value), KEPT_BYTES)
    headers = _headers_on_the_dead_letter_topic(platform, value[:KEPT_BYTES])
    assert headers["cut_from"] == str(len(value) + len(b"user-console")).encode()
    assert audit.books(platform.postgres_dsn).balanced


def _recorded(platform: SecondPlatform, token: str) -> tuple[str, int, int]:
    """Reason, length and kept length of the dead letter whose value begins with a token, once it is there."""

    def recorded() -> tuple[str, int, int] | None:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute(
                """SELECT reason, payload_bytes, length(payload) FROM ops.dead_letters
                   WHERE substring(payload FOR 32) = %s""",
                [token.encode()],
            )
            return cursor.fetchone()

    return wait_until(recorded, 120, "the value is in ops.dead_letters")


def _headers_on_the_dead_letter_topic(platform: SecondPlatform, value: bytes) -> dict[str, bytes]:
    consumer = Consumer(
        {
            **platform.kafka_client,
            "group.id": f"test-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": 4_000_000,
        }
    )
    consumer.subscribe([DEAD_LETTERS])
    try:

        def whole() -> dict[str, bytes] | None:
            message = consumer.poll(1.0)
            if message is None or message.error() or message.value() != value:
                return None
            return dict(message.headers() or [])

        return wait_until(whole, 60, "the value is on the dead-letter topic")
    finally:
        consumer.close()


@pytest.mark.integration
def test_an_event_with_a_field_that_the_contract_does_not_know_is_stored_and_counted(
    platform: SecondPlatform,
) -> None:
    def unknown_fields() -> int:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute("SELECT coalesce(sum(unknown_fields), 0)::bigint FROM ops.partitions")
            return int(cursor.fetchone()[0])

    before = unknown_fields()
    event = _event()
    _send(platform, [_json({**event, "mood": "happy"})])

    def stored() -> bool:
        with audit.reader(platform.postgres_dsn) as cursor:
            cursor.execute("SELECT FROM warehouse.stream_events WHERE event_id = %s", [event["event_id"]])
            return cursor.fetchone() is not None

    wait_until(stored, 120, "the event of a newer producer is stored")
    assert unknown_fields() == before + 1
