"""Where a run begins, from what PostgreSQL stored and what Kafka holds."""

import pytest
from music_spark.reading.offsets import KafkaState, choose

EVENTS, USERS = "music.stream-events", "music.users"


def kafka(*held: tuple[str, int, int, int], event_topic_id: str = "first") -> KafkaState:
    """A broker's state: (topic, partition, earliest, latest) each."""
    return KafkaState(
        topic_ids={EVENTS: event_topic_id, USERS: "users"},
        earliest={(topic, partition): earliest for topic, partition, earliest, _ in held},
        latest={(topic, partition): latest for topic, partition, _, latest in held},
    )


def test_a_new_warehouse_reads_every_partition_from_its_first_record() -> None:
    start = choose(kafka((EVENTS, 0, 0, 10), (EVENTS, 1, 4, 4), (USERS, 0, 2, 9)), {})
    assert start.offsets == {EVENTS: {"0": 0, "1": 4}, USERS: {"0": 2}}
    assert start.begun == {(EVENTS, 0): 0, (EVENTS, 1): 4, (USERS, 0): 2}
    assert start.findings == []


def test_a_run_goes_on_at_the_stored_position() -> None:
    start = choose(
        kafka((EVENTS, 0, 0, 10), (USERS, 0, 0, 9)), {(EVENTS, 0, "first"): 7, (USERS, 0, "users"): 9}
    )
    assert start.offsets == {EVENTS: {"0": 7}, USERS: {"0": 9}}
    assert start.findings == []


def test_where_kafka_no_longer_has_the_position_the_first_record_it_has_is_next() -> None:
    start = choose(
        kafka((EVENTS, 0, 50, 80), (EVENTS, 1, 60, 60), (USERS, 0, 9, 12)),
        {(EVENTS, 0, "first"): 7, (EVENTS, 1, "first"): 50, (USERS, 0, "users"): 3},
    )
    assert start.offsets == {EVENTS: {"0": 50, "1": 60}, USERS: {"0": 9}}
    # Compaction has moved the beginning of the users; nothing of them is lost.
    assert start.skipped == {(EVENTS, 0): 50, (EVENTS, 1): 60}
    assert [kind for kind, _ in start.findings] == ["records_missing"] * 2
    assert start.findings[0][1].startswith("43 records of music.stream-events, partition 0,")


def test_a_partition_that_was_added_is_read_from_its_first_record() -> None:
    start = choose(kafka((EVENTS, 0, 0, 10), (EVENTS, 1, 0, 5)), {(EVENTS, 0, "first"): 10})
    assert start.offsets == {EVENTS: {"0": 10, "1": 0}}
    assert start.begun == {(EVENTS, 1): 0}
    assert start.findings == []


@pytest.mark.parametrize("topic_id", ["first", "second"])
def test_what_a_new_partition_of_a_known_topic_no_longer_has_is_missing(topic_id: str) -> None:
    start = choose(kafka((EVENTS, 1, 3, 5), event_topic_id=topic_id), {(EVENTS, 0, "first"): 10})
    assert start.offsets == {EVENTS: {"1": 3}}
    assert start.begun == {(EVENTS, 1): 0}
    assert start.skipped == {(EVENTS, 1): 3}
    assert "3 records of music.stream-events, partition 1, were gone" in start.findings[-1][1]


def test_a_recreated_topic_is_read_from_its_first_record_and_said_so_once() -> None:
    held = kafka((EVENTS, 0, 0, 100), (EVENTS, 1, 0, 100), event_topic_id="second")
    start = choose(held, {(EVENTS, 0, "first"): 70, (EVENTS, 1, "first"): 80})
    assert start.offsets == {EVENTS: {"0": 0, "1": 0}}
    assert [kind for kind, _ in start.findings] == ["topic_recreated"]
    assert EVENTS in start.findings[0][1]


def test_a_topic_that_was_recreated_long_ago_goes_on_at_its_own_position() -> None:
    stored = {(EVENTS, 0, "first"): 70, (EVENTS, 0, "second"): 5}
    start = choose(kafka((EVENTS, 0, 0, 9), event_topic_id="second"), stored)
    assert start.offsets == {EVENTS: {"0": 5}}
    assert start.findings == []


def test_a_position_behind_kafkas_end_is_said_and_the_end_is_next() -> None:
    start = choose(
        kafka((EVENTS, 0, 0, 60), (EVENTS, 1, 0, 60)), {(EVENTS, n, "first"): 60 + n for n in (0, 1)}
    )
    assert start.offsets == {EVENTS: {"0": 60, "1": 60}}
    assert [kind for kind, _ in start.findings] == ["records_missing"]
    assert "partition 1" in start.findings[0][1]
    assert "61" in start.findings[0][1]
    assert start.rewound == {(EVENTS, 1): 60}


@pytest.mark.parametrize("latest", [60, 100, 140])
def test_other_records_where_the_log_lost_its_end_are_read_however_many_there_are(latest: int) -> None:
    held = kafka((EVENTS, 0, 0, latest))
    held.newer[EVENTS, 0] = 40
    start = choose(held, {(EVENTS, 0, "first"): 100})
    assert start.offsets == {EVENTS: {"0": 40}}
    assert start.rewound == {(EVENTS, 0): 40}
    assert [kind for kind, _ in start.findings] == ["records_missing"]
    assert "has other records from 40 on" in start.findings[0][1]


def test_a_record_that_is_newer_than_those_that_were_read_is_the_next_one() -> None:
    held = kafka((EVENTS, 0, 0, 102))
    held.newer[EVENTS, 0] = 101
    start = choose(held, {(EVENTS, 0, "first"): 100})
    assert start.offsets == {EVENTS: {"0": 100}}
    assert start.findings == []


@pytest.mark.parametrize(("earliest", "latest"), [(0, 0), (5, 5), (60, 60)])
def test_an_empty_partition_starts_at_its_end(earliest: int, latest: int) -> None:
    assert choose(kafka((EVENTS, 0, earliest, latest)), {}).offsets == {EVENTS: {"0": latest}}
