"""How far the stream is behind, from Spark's offset documents."""

import json

import pytest
from music_spark.followers.gauges import lag_gauges
from music_spark.followers.progress import lag_by_partition


def test_the_lag_of_each_partition_is_what_waits_behind_the_batch() -> None:
    end = {"music.users": {"0": 5}, "music.stream-events": {"0": 100, "1": 7}}
    latest = {"music.users": {"0": 5}, "music.stream-events": {"0": 130, "1": 8}}
    assert lag_by_partition(json.dumps(end), json.dumps(latest)) == {
        "music.users/0": 0,
        "music.stream-events/0": 30,
        "music.stream-events/1": 1,
    }


def test_of_a_partition_that_was_never_read_all_waits() -> None:
    latest = {"music.stream-events": {"0": 3, "1": 4}, "music.users": {"0": 2}}
    assert lag_by_partition(json.dumps({"music.stream-events": {"0": 3}}), json.dumps(latest)) == {
        "music.stream-events/0": 0,
        "music.stream-events/1": 4,
        "music.users/0": 2,
    }


@pytest.mark.parametrize("latest", ["", "null", None])
def test_without_the_brokers_end_nothing_is_said(latest: str) -> None:
    assert lag_by_partition('{"music.users": {"0": 5}}', latest) == {}


def test_a_gauge_is_named_in_letters_digits_and_underscores_and_all_lag_has_one() -> None:
    assert lag_gauges({"music.users/0": 2, "music.stream-events/10": 30}) == {
        "lag_records": 32,
        "lag_records_music_users_0": 2,
        "lag_records_music_stream_events_10": 30,
    }
    assert lag_gauges({}) == {}
