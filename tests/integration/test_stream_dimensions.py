"""Dimension records in the warehouse: the newest state wins, and users keep their history."""

import itertools
from typing import Any

import pytest

from tests import audit
from tests.database import Database
from tests.records import (
    LOCATIONS,
    SONGS,
    USERS,
    Record,
    dimension_records,
    event_records,
    framed,
    location,
    playback,
    song,
    user,
)
from tests.stream import Stream

pytestmark = pytest.mark.integration

Version = tuple[str, str, str, str, bool]


def day(number: int) -> str:
    return f"2026-03-{number:02d}T00:00:00.000Z"


def history(database: Database, user_id: str = "user-000123") -> list[Version]:
    """Each version's subscription, location and validity (days of March, or -infinity and infinity)."""
    rows = database.query(
        """SELECT subscription, location_id,
               to_char(valid_from, 'DD'), to_char(valid_to, 'DD'),
               valid_from = '-infinity', is_current
           FROM warehouse.users WHERE user_id = %s ORDER BY valid_from""",
        user_id,
    )
    return [
        (plan, place, "ever" if since_ever else since, until or "now", current)
        for plan, place, since, until, since_ever, current in rows
    ]


def subscribed(plan: str, on: int, **changes: object) -> dict[str, Any]:
    return user(subscription=plan, updated_at=day(on), **changes)


def test_a_users_first_record_holds_since_ever(database: Database, stream: Stream) -> None:
    stream.commit(dimension_records(USERS, subscribed("free", 1)))
    assert history(database) == [("free", "location-2643743", "ever", "now", True)]


@pytest.mark.parametrize("one_batch", [True, False])
def test_subscription_and_location_keep_their_history(
    database: Database, stream: Stream, one_batch: bool
) -> None:
    records = dimension_records(
        USERS,
        subscribed("free", 1),
        subscribed("premium", 5),
        subscribed("premium", 9, location_id="location-2"),
        subscribed("free", 20, location_id="location-2"),
        user("user-2", subscription="student"),
    )
    for part in [records] if one_batch else [[record] for record in records]:
        stream.commit(part)
    assert history(database) == [
        ("free", "location-2643743", "ever", "05", False),
        ("premium", "location-2643743", "05", "09", False),
        ("premium", "location-2", "09", "20", False),
        ("free", "location-2", "20", "now", True),
    ]
    assert history(database, "user-2") == [("student", "location-2643743", "ever", "now", True)]


def test_what_is_not_tracked_is_refreshed_in_the_current_version(database: Database, stream: Stream) -> None:
    stream.commit(dimension_records(USERS, subscribed("free", 1), subscribed("premium", 5)))
    stream.commit(dimension_records(USERS, subscribed("premium", 7, name="Ada King"), first_offset=2))
    names = database.query("SELECT name FROM warehouse.users ORDER BY valid_from")
    assert names == [("Ada Lovelace",), ("Ada King",)]
    assert len(history(database)) == 2


@pytest.mark.parametrize("one_batch", [True, False])
def test_a_users_record_that_is_older_than_the_current_version_changes_nothing(
    database: Database, stream: Stream, one_batch: bool
) -> None:
    records = dimension_records(
        USERS,
        subscribed("premium", 9),
        subscribed("free", 5, name="Old"),
        subscribed("premium", 3, name="Older"),
    )
    for part in [records] if one_batch else [[record] for record in records]:
        stream.commit(part)
    assert history(database) == [("premium", "location-2643743", "ever", "now", True)]
    assert database.value("SELECT name FROM warehouse.users") == "Ada Lovelace"


def test_of_two_records_of_the_same_moment_the_one_that_came_later_holds(
    database: Database, stream: Stream
) -> None:
    stream.commit(dimension_records(USERS, subscribed("free", 1), subscribed("premium", 5)))
    stream.commit(dimension_records(USERS, subscribed("family", 5), first_offset=2))
    assert history(database) == [
        ("free", "location-2643743", "ever", "05", False),
        ("family", "location-2643743", "05", "now", True),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("one_batch", [True, False])
def test_the_newest_state_wins_in_whatever_order_records_come(
    database: Database, stream: Stream, order: tuple[int, ...], one_batch: bool
) -> None:
    states = [
        location(city=name, updated_at=day(on)) for on, name in ((1, "Old"), (5, "Newer"), (9, "Newest"))
    ]
    records = dimension_records(LOCATIONS, *(states[n] for n in order))
    for part in [records] if one_batch else [[record] for record in records]:
        stream.commit(part)
    assert database.query("SELECT city FROM warehouse.locations") == [("Newest",)]


def test_every_field_of_a_dimension_is_stored_as_it_was_sent(database: Database, stream: Stream) -> None:
    strange = 'Ŝtrangé, "quoted"\\N; \u2028 NULL'
    stream.commit(
        [
            *dimension_records(LOCATIONS, location(city=strange, latitude=-90, region="NA", population=0)),
            *dimension_records(SONGS, song(title="NULL", genre="null", explicit=True)),
        ]
    )
    (place,) = database.query("SELECT to_jsonb(l) FROM warehouse.locations AS l")
    sent = location(city=strange, latitude=-90, region="NA", population=0)
    assert {k: v for k, v in place[0].items() if k in sent and k != "updated_at"} == {
        k: v for k, v in sent.items() if k != "updated_at"
    }
    assert place[0]["updated_at"] == "2026-01-01T00:00:00+00:00"
    titles = database.query("SELECT title, genre, explicit, release_date::text FROM warehouse.songs")
    assert titles == [("NULL", "null", True, "1981-11-09")]


def test_an_event_before_its_dimensions_makes_placeholders_that_their_records_complete(
    database: Database, stream: Stream
) -> None:
    stream.commit(event_records(playback(1), playback(2)))
    for table in ("users", "songs", "artists", "albums", "devices", "locations"):
        assert database.query(f"SELECT is_inferred, updated_at FROM warehouse.{table}") == [(True, None)], (
            table
        )
    # Older than the event, and yet newer than nothing.
    stream.commit(
        [
            *dimension_records(USERS, subscribed("student", 1)),
            *dimension_records(LOCATIONS, location(updated_at="1970-01-01T00:00:00.000Z")),
        ]
    )
    assert history(database) == [("student", "location-2643743", "ever", "now", True)]
    assert database.query("SELECT is_inferred, city FROM warehouse.locations") == [(False, "London")]
    assert database.value("SELECT count(*) FROM warehouse.users WHERE is_inferred") == 0


def test_a_placeholder_is_never_made_for_what_is_there(database: Database, stream: Stream) -> None:
    stream.commit([*dimension_records(USERS, user()), *event_records(playback(1))])
    stream.commit(event_records(playback(2), first_offset=1))
    assert database.query("SELECT is_inferred FROM warehouse.users") == [(False,)]


def genre_rows(database: Database) -> list[tuple[Any, ...]]:
    return database.query(
        """SELECT content_id, to_char(window_start, 'HH24:MI'), plays, ms_played, listeners, is_final
           FROM metrics.content_performance WHERE content_type = 'genre' ORDER BY 2, 1"""
    )


@pytest.mark.parametrize("genre", ["rock", "null", "NA", "NaN", 'r"&b, soul', "Ünïcode"])
def test_a_songs_record_moves_its_facts_and_their_metric_rows_to_its_genre(
    database: Database, stream: Stream, genre: str
) -> None:
    early = {"event_time": "2026-11-23T17:01:00.000Z"}
    stream.commit(
        event_records(
            playback(1, ms_played=1, **early),
            playback(2, ms_played=10, song_id="song-2", **early),
            playback(3, ms_played=100),
            playback(4, ms_played=1_000, user_id="user-2"),
            playback(5, ms_played=10_000, song_id="song-2"),
        )
    )
    assert genre_rows(database) == [
        ("unknown", "17:00", 2, 11, 1, True),
        ("unknown", "18:00", 3, 11_100, 2, False),
    ]
    stream.commit(dimension_records(SONGS, song(genre=genre)))
    assert sorted(genre_rows(database)) == sorted(
        [
            (genre, "17:00", 1, 1, 1, True),
            ("unknown", "17:00", 1, 10, 1, True),
            (genre, "18:00", 2, 1_100, 2, False),
            ("unknown", "18:00", 1, 10_000, 1, False),
        ]
    )
    assert audit.metrics_that_differ(database.dsn) == []


def test_completing_every_unknown_song_leaves_no_row_of_the_unknown_genre(
    database: Database, stream: Stream
) -> None:
    stream.commit(event_records(playback(1), playback(2, song_id="song-2")))
    both = dimension_records(SONGS, song(), song("song-2", genre="jazz"))
    stream.commit([*both, *event_records(playback(3), first_offset=2)])
    assert [(row[0], row[2]) for row in genre_rows(database)] == [("jazz", 1), ("rock", 2)]
    assert audit.metrics_that_differ(database.dsn) == []


def test_a_songs_record_that_knows_no_genre_touches_no_fact(database: Database, stream: Stream) -> None:
    stream.commit(event_records(playback(1)))
    stored = database.query("SELECT ctid, xmin::text FROM warehouse.stream_events")
    stream.commit(dimension_records(SONGS, song(genre="unknown")))
    assert database.query("SELECT ctid, xmin::text FROM warehouse.stream_events") == stored
    assert audit.metrics_that_differ(database.dsn) == []


def test_a_genre_that_changes_holds_for_new_facts_only(database: Database, stream: Stream) -> None:
    stream.commit([*dimension_records(SONGS, song()), *event_records(playback(1))])
    stream.commit(
        [
            Record(framed(song(genre="new wave", updated_at=day(1))), topic=SONGS, offset=1),
            *event_records(playback(2), first_offset=1),
        ]
    )
    assert database.query("SELECT genre FROM warehouse.stream_events ORDER BY event_id") == [
        ("rock",),
        ("new wave",),
    ]
    assert audit.metrics_that_differ(database.dsn) == []
