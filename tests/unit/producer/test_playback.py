"""Playbacks: valid, referring to what exists, and plausible."""

import json
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from music_contract import schemas, times
from music_producer.playback import SKIPPED_AT_ALL, SKIPPED_IN_5_S, SKIPPED_IN_30_S, Simulation
from music_producer.world import dimension_records, make_world

START_MS = 1_795_400_000_000
Event = dict[str, Any]


def simulate(
    batches: int, most: int = 200, *, users: int = 2_000, step_ms: int = 1_000, seed: int = 3
) -> list[Event]:
    simulation = Simulation(make_world(seed, users, 500), np.random.default_rng(seed))
    return [
        json.loads(record.payload)
        for number in range(batches)
        for record in simulation.batch(most, START_MS + number * step_ms)
    ]


@cache
def many() -> tuple[Event, ...]:
    return tuple(simulate(60))


def share(condition: str) -> float:
    limit = {"5 s": 5_000, "30 s": 30_000}
    found = [
        event
        for event in many()
        if (event["skipped"] if condition == "at all" else event["ms_played"] < limit[condition])
    ]
    return len(found) / len(many())


def test_every_event_keeps_to_the_schema() -> None:
    assert len(many()) > 10_000
    for event in many():
        assert schemas.validate("stream-event", event) is None
        assert schemas.unknown_fields("stream-event", event) == []


def test_the_same_seed_and_times_make_the_same_events() -> None:
    assert simulate(5) == simulate(5)
    assert simulate(5) != simulate(5, seed=4)


def test_no_two_events_of_two_runs_share_an_id() -> None:
    world = make_world(3, 100, 100)
    ids = [
        json.loads(record.payload)["event_id"]
        for _ in range(2)
        for record in Simulation(world).batch(50, START_MS)
    ]
    assert len(set(ids)) == len(ids)


def test_an_event_refers_to_what_was_published() -> None:
    known: dict[str, Event] = {
        record.key.decode(): json.loads(record.payload)
        for record in dimension_records(make_world(3, 2_000, 500))
    }
    for event in many()[:3_000]:
        song, user, device = known[event["song_id"]], known[event["user_id"]], known[event["device_id"]]
        assert (event["artist_id"], event["album_id"]) == (song["artist_id"], song["album_id"])
        assert event["song_duration_ms"] == song["duration_ms"]
        assert event["location_id"] == user["location_id"]
        assert event["subscription"] == user["subscription"]
        assert device["user_id"] == event["user_id"]


@pytest.mark.parametrize(
    ("condition", "published"),
    [("5 s", SKIPPED_IN_5_S), ("30 s", SKIPPED_IN_30_S), ("at all", SKIPPED_AT_ALL)],
)
def test_skips_have_the_published_shares(condition: str, published: float) -> None:
    print(f"skipped within {condition}: {share(condition):.3f}, published: {published}")
    assert share(condition) == pytest.approx(published, abs=0.02)


def test_the_reason_the_time_played_and_the_skip_agree() -> None:
    for event in many():
        completed = event["ms_played"] == event["song_duration_ms"]
        assert completed == (event["reason_end"] == "trackdone")
        assert event["skipped"] == (event["reason_end"] in ("fwdbtn", "backbtn", "clickrow"))
        assert (
            times.to_epoch_ms(event["event_time"]) - times.to_epoch_ms(event["started_at"])
            >= event["ms_played"]
        )
        assert not (event["offline"] and event["subscription"] == "free")


def test_few_songs_are_heard_often() -> None:
    songs = [event["song_id"] for event in many()]
    counts = sorted((songs.count(song) for song in set(songs)), reverse=True)
    top_tenth = sum(counts[:50]) / len(songs)
    print(f"the most popular tenth of the songs has {top_tenth:.0%} of the plays")
    assert 0.4 < top_tenth < 0.75


def test_the_events_of_a_batch_lie_between_the_last_call_and_this_one() -> None:
    simulation = Simulation(make_world(3, 500, 100))
    simulation.batch(10, START_MS)
    moments = [record.event_time_ms or 0 for record in simulation.batch(50, START_MS + 100)]
    assert moments == sorted(moments)
    assert moments[0] > START_MS
    assert moments[-1] == START_MS + 100


def test_a_clock_that_steps_back_does_not_break_it() -> None:
    simulation = Simulation(make_world(3, 500, 100))
    simulation.batch(10, START_MS)
    assert {record.event_time_ms for record in simulation.batch(10, START_MS - 5_000)} == {START_MS - 5_000}


def test_a_batch_holds_a_user_once_and_no_more_events_than_asked() -> None:
    simulation = Simulation(make_world(3, 20, 100))
    keys = [record.key for record in simulation.batch(1_000, START_MS)]
    assert 0 < len(keys) <= 20
    assert len(set(keys)) == len(keys)


def test_a_session_stays_on_its_device_and_one_playback_leads_to_the_next() -> None:
    events = sorted(
        simulate(300, users=5, step_ms=60_000), key=lambda event: (event["user_id"], event["event_time"])
    )
    continued = 0
    for earlier, later in pairwise(events):
        if earlier["session_id"] == later["session_id"]:
            continued += 1
            assert earlier["device_id"] == later["device_id"]
            if earlier["reason_end"] in ("trackdone", "fwdbtn", "backbtn", "clickrow"):
                assert later["reason_start"] == earlier["reason_end"]
    assert continued > 100


def test_half_an_hour_of_silence_ends_a_session() -> None:
    events = simulate(20, users=1, step_ms=3_600_000)
    assert len({event["session_id"] for event in events}) == len(events) == 20
