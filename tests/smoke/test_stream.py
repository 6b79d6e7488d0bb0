"""The stream keeps up, forgets nothing, and sets aside what it cannot use."""

from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from music_contract import topics, wire
from music_contract.rules import Reason

from tests.smoke.access import ARRIVAL_LIMIT_S, DELIVERY_LIMIT_S, Connection, Measured, Sender, rows
from tests.smoke.playback import World, now_ms
from tests.waiting import wait_until

pytestmark = pytest.mark.smoke

# Twenty seconds at the rate of `make up`, or what a faster producer sends in as much time.
BOUND_S = 20
SMALLEST_BOUND = 4_000
# As long as this no query must have failed.
REST_S = 120


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"event_id": ', Reason.NOT_JSON),
        (b"{}", Reason.MISSING_FIELD),
        (wire.frame(987_654_321, b"{}"), Reason.UNKNOWN_SCHEMA),
    ],
    ids=["not JSON", "no field", "unregistered schema"],
)
def test_a_malformed_record_ends_in_the_dead_letters_with_its_reason(
    sender: Sender,
    database: Connection,
    dead_letter_reader: Consumer,
    measured: Measured,
    value: bytes,
    reason: Reason,
) -> None:
    sent = sender.send(topics.STREAM_EVENTS, "smoke", value)
    query = "SELECT * FROM ops.dead_letters WHERE topic = %s AND partition = %s AND kafka_offset = %s"

    found = wait_until(
        lambda: rows(database, query, topics.STREAM_EVENTS, sent.partition(), sent.offset()),
        ARRIVAL_LIMIT_S,
        "a row in ops.dead_letters",
    )

    assert [row["reason"] for row in found] == [reason]
    assert bytes(found[0]["payload"]) == value
    letter = wait_until(
        lambda: next_letter(dead_letter_reader, sent), ARRIVAL_LIMIT_S, f"a record in {topics.DEAD_LETTERS}"
    )
    assert letter.value() == value
    assert headers_of(letter)["reason"] == reason
    measured(f"{reason}: {found[0]['detail']}; headers {', '.join(headers_of(letter))}")


def next_letter(reader: Consumer, sent: Message) -> Message | None:
    """Return the next dead letter when it is the one of `sent`."""
    letter = reader.poll(1.0)
    if letter is None or letter.error():
        return None
    headers = headers_of(letter)
    is_ours = headers["source_partition"] == str(sent.partition()) and headers["source_offset"] == str(
        sent.offset()
    )
    return letter if is_ours else None


def headers_of(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers() or []}


def test_the_stream_follows_every_partition_and_its_lag_is_bounded(
    admin: AdminClient, database: Connection, sender: Sender, measured: Measured
) -> None:
    world = World()
    sent = sender.send_record(topics.STREAM_EVENTS, world.playback(now_ms()))
    positions = "SELECT partition, position FROM ops.partitions WHERE topic = %s ORDER BY updated_at"

    def stored_positions() -> dict[int, int]:
        return {row["partition"]: row["position"] for row in rows(database, positions, topics.STREAM_EVENTS)}

    before = end_offsets(admin, topics.STREAM_EVENTS)
    after = wait_until(
        lambda: stored_positions() if stored_positions().get(sent.partition(), -1) > sent.offset() else None,
        ARRIVAL_LIMIT_S,
        "a position behind our own record",
    )
    behind = wait_until(
        lambda: all(stored_positions().get(partition, 0) >= end for partition, end in before.items()),
        ARRIVAL_LIMIT_S,
        "a position behind all that was there before",
    )
    assert behind
    health = rows(database, "SELECT * FROM ops.stream_health")
    assert health
    bound = max(SMALLEST_BOUND, BOUND_S * max(row["input_rows_per_second"] or 0 for row in health))
    lag = total_lag(end_offsets(admin, topics.STREAM_EVENTS), stored_positions())
    assert lag <= bound
    for row in health:
        assert row["lag_records"] <= bound
    measured(
        f"{sum(after.values()):,} events read, {lag:,} behind (allowed: {bound:,.0f}),"
        f" last batch {health[0]['batch_ms']} ms, watermark {health[0]['watermark']}"
    )


def total_lag(ends: Mapping[int, int], positions: Mapping[int, int]) -> int:
    return sum(max(0, end - positions.get(partition, 0)) for partition, end in ends.items())


def end_offsets(admin: AdminClient, topic: str) -> dict[int, int]:
    known = admin.list_topics(topic, timeout=DELIVERY_LIMIT_S).topics[topic]
    wanted: dict[TopicPartition, Any] = {
        TopicPartition(topic, number): OffsetSpec.latest() for number in known.partitions
    }
    return {
        partition.partition: future.result().offset
        for partition, future in admin.list_offsets(wanted).items()
    }


def test_what_was_read_is_what_was_stored_in_every_partition(
    database: Connection, measured: Measured
) -> None:
    conservation = rows(database, "SELECT * FROM ops.conservation")
    assert conservation
    assert [row for row in conservation if not row["balanced"]] == []
    names = ("read", "facts", "duplicates", "dimensions", "dead_letters")
    sums = {name: sum(row[name] for row in conservation) for name in names}
    measured(", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in sums.items()))


def test_one_run_of_the_query_went_through_all_of_these_tests_and_none_failed_just_before(
    database: Connection, noted_before: int | None, measured: Measured
) -> None:
    assert noted_before is not None, "PostgreSQL did not answer when these tests began"
    ends = "SELECT recorded_at, kind, detail FROM ops.query_events WHERE id > %s AND kind IN %s ORDER BY id"
    last = """
        SELECT max(recorded_at) FILTER (WHERE kind = 'started') AS started,
               max(recorded_at) FILTER (WHERE kind = 'failed') AS failed,
               max(recorded_at) FILTER (WHERE kind = 'failed') > now() - %s * interval '1 second' AS is_recent
        FROM ops.query_events
    """

    # A query that fails begins again, as another run: "since the last start" there would never be a failure.
    assert rows(database, ends, noted_before, ("started", "stopped", "failed")) == []
    # Where Kafka was restarted, a query has failed by design; where something is wrong, it fails again.
    rested = wait_until(
        lambda: [row for row in rows(database, last, REST_S) if not row["is_recent"]],
        2 * REST_S,
        f"a time of {REST_S} s without a failed query",
    )
    assert rows(database, ends, noted_before, ("started", "stopped", "failed")) == []
    measured(f"it began at {rested[0]['started']}, the last failure of any was at {rested[0]['failed']}")
