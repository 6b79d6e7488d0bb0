"""The rollups follow the facts, whatever comes late, changes or goes, in whatever steps they come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from music_spark.batches.backlog import Backlog
from music_spark.followers.rollups import RollupRefresher

from tests import rollups
from tests.database import Database
from tests.records import (
    LOCATIONS,
    SONGS,
    USERS,
    Record,
    device,
    dimension_records,
    framed,
    location,
    playback,
    song,
    user,
)
from tests.stream import Stream
from tests.waiting import wait_until


@pytest.fixture
def warehouse(database: Database) -> Database:
    """The database without facts and without rollups."""
    database.query("SELECT rollup.rebuild()")
    return database


@pytest.fixture
def told(warehouse: Database) -> Iterator[Stream]:
    run = Stream(warehouse.dsn)
    yield run
    run.close()


def happened(*events: dict[str, Any], first: int = 1) -> list[Record]:
    """Playbacks as records, each appended when it ended."""
    return [
        Record(
            framed(playback(number, **event)),
            offset=number,
            timestamp=datetime.fromisoformat(event.get("event_time", "2026-11-23T18:04:00.250Z")),
        )
        for number, event in enumerate(events, start=first)
    ]


def at(day: str) -> str:
    return f"{day}T10:00:00.000Z"


def some(first: int = 1) -> list[Record]:
    """Playbacks of a few listeners and songs over five months, the newest day open, all others over."""
    days = ("2026-06-30", "2026-07-01", "2026-07-11", "2026-07-21", "2026-11-20", "2026-11-21", "2026-11-22")
    return happened(
        *(
            {
                "event_time": at(day),
                "started_at": at(day),
                "user_id": f"user-{n % 3}",
                "song_id": f"song-{(n + k) % 4}",
                "artist_id": f"artist-{n % 2}",
                "skipped": k == 1,
                "ms_played": 20_000 + 50_000 * k,
            }
            for n, day in enumerate(days)
            for k in range(3)
        ),
        first=first,
    )


def test_a_genre_that_becomes_known_moves_what_was_counted(warehouse: Database, told: Stream) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    told.commit(dimension_records(SONGS, song("song-1", genre="jazz"), song("song-2", genre="rock")))
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []
    assert warehouse.value(
        "SELECT sum(plays) FROM rollup.content WHERE content_id = 'jazz' AND grain = 'year'"
    )


def test_a_new_version_of_a_user_moves_what_it_claims(warehouse: Database, told: Stream) -> None:
    told.commit(dimension_records(USERS, user("user-0"), user("user-1")))
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    told.commit(
        dimension_records(
            USERS,
            user("user-0", subscription="premium", updated_at="2026-07-05T00:00:00.000Z"),
            user("user-0", subscription="family", updated_at="2026-11-21T00:00:00.000Z"),
            first_offset=2,
        )
    )
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []
    assert warehouse.value("SELECT count(DISTINCT user_key) FROM rollup.listeners") > 3


def test_a_place_that_becomes_known_moves_its_hours(warehouse: Database, told: Stream) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    told.commit(dimension_records(LOCATIONS, location(time_zone="Asia/Tokyo", country="JP")))
    told.commit(some(first=100))
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []
    assert warehouse.query("SELECT DISTINCT country FROM rollup.local_hours") == [("JP",)]


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM warehouse.stream_events", "UPDATE warehouse.stream_events SET ms_played = ms_played + 1"],
)
def test_what_changes_together_with_its_user_and_place_is_taken_from_where_it_was_counted(
    warehouse: Database, told: Stream, change: str
) -> None:
    told.commit(dimension_records(USERS, user("user-0"), user("user-1")))
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    newer = user("user-0", subscription="premium", updated_at="2026-07-05T00:00:00.000Z")
    told.commit(dimension_records(USERS, newer, first_offset=2))
    told.commit(dimension_records(LOCATIONS, location(time_zone="Asia/Tokyo", country="JP")))
    warehouse.query(f"{change} WHERE user_id = 'user-0' AND event_date IN ('2026-06-30', '2026-07-21')")
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []


def unsettled(warehouse: Database) -> list[str]:
    """The days whose groups are counted at each look."""
    return [str(day) for (day,) in warehouse.query("SELECT day FROM rollup.unsettled_days ORDER BY day")]


def settled(warehouse: Database, table: str) -> list[str]:
    """The days whose groups are stored."""
    return [str(day) for (day,) in warehouse.query(f"SELECT DISTINCT day FROM rollup.{table} ORDER BY day")]


TABLES_OF_DAYS = ("listener_groups", "listener_sets", "device_groups", "device_sets")


def test_the_groups_of_every_day_are_stored_at_once_while_few_listen(
    warehouse: Database, told: Stream
) -> None:
    told.commit(some())
    rollups.refresh_once(warehouse.dsn)

    assert unsettled(warehouse) == []
    for table in TABLES_OF_DAYS:
        assert len(settled(warehouse, table)) == 7
    assert rollups.that_differ(warehouse.dsn) == []

    told.commit(happened({"event_time": at("2026-07-01"), "started_at": at("2026-07-01")}, first=100))
    rollups.refresh_once(warehouse.dsn)

    assert unsettled(warehouse) == []
    assert rollups.that_differ(warehouse.dsn) == []


def test_many_days_are_stored_by_and_by_the_newest_first(warehouse: Database, told: Stream) -> None:
    told.commit(some())
    rollups.refresh_once(warehouse.dsn, max_facts=1)
    assert settled(warehouse, "listener_groups") == []
    assert rollups.that_differ(warehouse.dsn) == []

    rollups.refresh_once(warehouse.dsn, max_facts=1)
    for table in TABLES_OF_DAYS:
        assert settled(warehouse, table) == ["2026-11-22"]
    assert rollups.that_differ(warehouse.dsn) == []

    rollups.refresh_once(warehouse.dsn, max_facts=1)
    assert settled(warehouse, "listener_groups") == ["2026-11-21", "2026-11-22"]
    assert rollups.that_differ(warehouse.dsn) == []


def test_a_day_of_many_listeners_is_stored_when_a_refresh_leaves_it_alone(
    warehouse: Database, told: Stream
) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    # One listener is active on each of the days, which is more than a tenth of four.
    told.commit(happened({"event_time": at("2026-07-01"), "started_at": at("2026-07-01")}, first=100))
    rollups.refresh_once(warehouse.dsn, max_facts=4)
    for table in TABLES_OF_DAYS:
        assert "2026-07-01" not in settled(warehouse, table)
    assert unsettled(warehouse) == ["2026-07-01"]
    assert rollups.that_differ(warehouse.dsn) == []

    rollups.refresh_once(warehouse.dsn, max_facts=4)
    assert unsettled(warehouse) == []
    assert rollups.that_differ(warehouse.dsn) == []


@pytest.mark.parametrize(
    "records",
    [
        dimension_records("music.devices", device(platform="android")),
        dimension_records(USERS, user("user-0", gender="nonbinary", birth_date="2008-07-05")),
        dimension_records(
            USERS,
            user("user-1", gender="male"),
            user("user-1", gender="male", subscription="family", updated_at="2026-07-05T00:00:00.000Z"),
        ),
    ],
    ids=["a device", "a user", "a user with two versions"],
)
def test_who_becomes_known_moves_to_another_group_on_days_that_were_stored(
    records: list[Record], warehouse: Database, told: Stream
) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    told.commit(records)
    rollups.refresh_once(warehouse.dsn, max_facts=2)
    assert len(unsettled(warehouse)) > 1
    assert rollups.that_differ(warehouse.dsn) == []

    while unsettled(warehouse):
        rollups.refresh_once(warehouse.dsn, max_facts=2)
    assert rollups.that_differ(warehouse.dsn) == []


def test_a_time_zone_that_the_server_does_not_know_counts_as_utc(warehouse: Database, told: Stream) -> None:
    told.commit(dimension_records(LOCATIONS, location(time_zone="Moon/Tranquility")))
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    assert warehouse.query("SELECT DISTINCT time_zone FROM rollup.local_hours") == [("UTC",)]


@pytest.mark.parametrize("which", ["event_date = '2026-07-01'", "user_id = 'user-1'", "skipped", "true"])
def test_facts_that_are_removed_are_taken_back(which: str, warehouse: Database, told: Stream) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    warehouse.query(f"DELETE FROM warehouse.stream_events WHERE {which}")
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []


def test_facts_that_are_removed_before_they_were_counted_count_for_nothing(
    warehouse: Database, told: Stream
) -> None:
    told.commit(some())
    warehouse.query("DELETE FROM warehouse.stream_events WHERE skipped")
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []


def test_events_of_long_ago_count_in_every_period(warehouse: Database, told: Stream) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)

    told.commit(
        happened(
            {"event_time": at("2015-02-28"), "started_at": at("2015-02-28"), "user_id": "user-1"},
            {"event_time": at("2026-07-02"), "started_at": at("2026-07-02"), "user_id": "user-2"},
            first=100,
        )
    )
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []


@pytest.mark.parametrize("seed", range(4))
def test_days_may_come_and_go_in_any_order(seed: int, warehouse: Database, told: Stream) -> None:
    """Few listeners and days, so that runs of days are joined, broken and begun anew at both ends."""
    draw = random.Random(seed)
    first = 1
    for _ in range(6):
        days = [
            date(2026, 6, 20) + timedelta(days=draw.choice((0, 30, 60)) + draw.randrange(18))
            for _ in range(8)
        ]
        told.commit(
            happened(
                *(
                    {
                        "event_time": at(str(day)),
                        "started_at": at(str(day)),
                        "user_id": f"user-{draw.randrange(3)}",
                        "song_id": f"song-{draw.randrange(3)}",
                    }
                    for day in days
                ),
                first=first,
            )
        )
        first += len(days)
        warehouse.query(
            "DELETE FROM warehouse.stream_events WHERE event_date = ANY(%s) AND user_id = %s",
            draw.sample(days, 3),
            f"user-{draw.randrange(3)}",
        )
        rollups.refresh(warehouse.dsn)
        assert rollups.that_differ(warehouse.dsn) == []


def test_small_steps_come_to_the_same_as_one(warehouse: Database, told: Stream) -> None:
    records = some()
    for n in range(0, len(records), 4):
        told.commit(records[n : n + 4])
        if n == 8:
            told.commit(dimension_records(SONGS, song("song-1", genre="jazz")))

    assert rollups.refresh(warehouse.dsn, facts_at_once=1) == len(records)

    assert rollups.that_differ(warehouse.dsn) == []


def test_a_refresh_that_dies_is_done_again_and_counts_once(warehouse: Database, told: Stream) -> None:
    told.commit(some())
    connection = psycopg2.connect(warehouse.dsn)
    connection.set_session(isolation_level="REPEATABLE READ")
    with connection.cursor() as cursor:
        cursor.execute("SELECT rollup.refresh()")
    connection.close()

    assert warehouse.value("SELECT count(*) FROM rollup.content") == 0
    assert rollups.refresh(warehouse.dsn) == len(some())
    assert rollups.refresh(warehouse.dsn) == 0
    assert rollups.that_differ(warehouse.dsn) == []


def test_it_refuses_to_see_facts_and_dimensions_of_different_moments(warehouse: Database) -> None:
    with pytest.raises(psycopg2.errors.RaiseException, match="of one moment"):
        warehouse.query("SELECT rollup.refresh()")


def test_rebuilding_starts_over(warehouse: Database, told: Stream) -> None:
    told.commit(some())
    rollups.refresh(warehouse.dsn)
    warehouse.query("UPDATE rollup.content SET plays = plays + 1")

    warehouse.query("SELECT rollup.rebuild()")
    rollups.refresh(warehouse.dsn)

    assert rollups.that_differ(warehouse.dsn) == []


def test_the_job_refreshes_them_and_goes_on_when_its_session_is_killed(
    warehouse: Database, told: Stream
) -> None:
    def is_fresh() -> bool:
        return bool(
            warehouse.value(
                "SELECT facts_not_counted = 0 AND counted_until > '-infinity' FROM analytics.freshness"
            )
        )

    refresher = RollupRefresher(warehouse.dsn, timedelta(milliseconds=100), Backlog(1_000))
    told.commit(some())
    refresher.start()
    try:
        wait_until(is_fresh, 30, "the first refresh")
        killed = warehouse.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'music-rollups'"
        )
        told.commit(some(first=100))
        wait_until(is_fresh, 30, "a refresh after the session was killed")
    finally:
        refresher.stop()

    assert killed == [(True,)]
    assert rollups.that_differ(warehouse.dsn) == []


def test_they_wait_while_the_stream_is_behind_and_follow_when_it_is_not(
    warehouse: Database, told: Stream
) -> None:
    backlog = Backlog(1_000)
    refresher = RollupRefresher(warehouse.dsn, timedelta(milliseconds=100), backlog)
    left = "SELECT facts_not_counted FROM analytics.freshness"
    told.commit(some())
    behind = warehouse.value(left)
    backlog.taken(1_000)
    refresher.start()
    try:
        wait_until(lambda: refresher.waits, 30, "the refresher waits")
        assert warehouse.value(left) == behind > 0
        backlog.taken(10)
        wait_until(lambda: warehouse.value(left) == 0, 30, "a refresh once the backlog is gone")
    finally:
        refresher.stop()

    assert rollups.that_differ(warehouse.dsn) == []
