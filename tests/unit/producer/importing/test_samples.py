"""Each format's samples become the events and dimensions that their entries say."""

import shutil
from pathlib import Path

import pytest
from music_contract import schemas
from music_contract.topics import DIMENSIONS
from music_producer.importing import identities

from tests.histories import NOW_MS, SAMPLES, imported

EXTENDED = SAMPLES / "spotify_extended"
ACCOUNT = SAMPLES / "spotify_account"
LASTFM = SAMPLES / "lastfm"
LISTENBRAINZ = SAMPLES / "listenbrainz"


def test_the_extended_history_becomes_events_with_all_that_it_tells() -> None:
    read = imported(EXTENDED)
    assert (len(read.events), len(read.ids), read.broken) == (12, 11, 0)
    song = identities.song_id("The Paper Kites of Ulm", "Harbour {Live}")
    (event,) = [event for event in read.events if event["song_id"] == song]
    user = identities.user_id("Listener")
    assert {**event, "event_id": "", "produced_at": "", "session_id": "", "device_id": ""} == {
        "event_id": "",
        "event_time": "2014-07-27T20:35:02.000Z",
        "started_at": "2014-07-27T20:34:47.000Z",
        "user_id": user,
        "session_id": "",
        "song_id": song,
        "artist_id": identities.artist_id("The Paper Kites of Ulm"),
        "album_id": identities.album_id("The Paper Kites of Ulm", "Small Hours"),
        "device_id": "",
        "location_id": "location-import-de",
        "ms_played": 15_000,
        "song_duration_ms": 210_000,
        "reason_start": "trackdone",
        "reason_end": "fwdbtn",
        "skipped": True,
        "shuffle": False,
        "offline": False,
        "liked": False,
        "added_to_playlist": False,
        "subscription": "unknown",
        "experiments": {},
        "produced_at": "",
        "source": "import",
    }
    assert read.dimension("music.devices")[event["device_id"]] == {
        "device_id": event["device_id"],
        "user_id": user,
        "device_type": "phone",
        "platform": "android",
        "updated_at": "2023-02-11T19:04:00.000Z",
    }


def test_podcasts_audiobooks_and_what_spotify_removed_have_records_of_their_own() -> None:
    read = imported(EXTENDED)
    songs = {song["title"]: song for song in read.dimension("music.songs").values()}
    assert songs["Episode 12: Rivers"]["genre"] == "podcast"
    assert songs["Chapter 3"]["genre"] == "audiobook"
    assert songs["Lantern Street"]["genre"] == "unknown"
    assert "spotify:track:1sample000000000000007" in songs
    albums = {album["album_id"]: album["title"] for album in read.dimension("music.albums").values()}
    assert albums[songs["Episode 12: Rivers"]["album_id"]] == "The Map Room"


def test_words_that_the_contract_does_not_have_become_unknown_or_their_like() -> None:
    reasons = {(event["reason_start"], event["reason_end"]) for event in imported(EXTENDED).events}
    assert ("clickrow", "clickrow") in reasons  # click-row
    assert ("clickrow", "unknown") in reasons  # unexpected-exit-while-paused


def test_a_skip_that_an_old_entry_does_not_tell_is_read_from_the_button() -> None:
    events = imported(EXTENDED / "endsong_0.json").events
    assert [(event["reason_end"], event["skipped"]) for event in events] == [
        ("clickrow", False),
        ("trackdone", False),
        ("backbtn", True),
    ]


def test_a_songs_length_is_what_was_heard_when_it_ended_by_itself_most_often() -> None:
    songs = {song["title"]: song for song in imported(EXTENDED).dimension("music.songs").values()}
    assert songs["Lantern Street"]["duration_ms"] == 146_000
    assert songs["Overture"]["duration_ms"] == 238_000
    assert (
        songs["Harbour {Live}"]["duration_ms"] == 210_000
    )  # never heard to its end: three and a half minutes
    assert songs["Episode 12: Rivers"]["duration_ms"] == 2_013_717  # heard for nine tenths of it at most


def test_two_entries_of_one_second_are_one_listen_but_two_of_one_minute_are_two() -> None:
    extended = imported(EXTENDED / "Streaming_History_Audio_2014-2023_0.json")
    assert len(extended.events) - len(extended.ids) == 1
    account = imported(ACCOUNT / "StreamingHistory_music_0.json")
    assert len(account.events) == len(account.ids) == 7


def test_the_account_data_tells_less_and_is_taken_as_it_is() -> None:
    read = imported(ACCOUNT)
    assert (len(read.events), read.broken) == (8, 0)
    first = read.events[0]
    assert (first["event_time"], first["reason_end"], first["skipped"]) == (
        "2023-01-05T14:22:00.000Z",
        "unknown",
        False,
    )
    songs = {song["title"]: song for song in read.dimension("music.songs").values()}
    assert songs["Überfahrt"]["duration_ms"] == 187_320  # the same time twice
    assert songs["Episode 40: Bridges"]["genre"] == "podcast"


def test_the_account_data_and_the_extended_history_share_their_listens() -> None:
    extended, account = imported(EXTENDED), imported(ACCOUNT)
    assert len(extended.ids & account.ids) == 3
    both = imported(EXTENDED, ACCOUNT)
    assert both.ids == extended.ids | account.ids
    # A day holds a listen once too: the day is a part of the fact's key.
    days = {(event["event_id"], event["event_time"][:10]) for event in both.events}
    assert len(days) == len(both.ids)


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        (
            "lastfm_uts.csv",
            ["2014-03-03T12:00:00.000Z", "2014-03-03T11:55:00.000Z", "2014-03-03T09:46:40.000Z"],
        ),
        ("recenttracks.csv", ["2014-03-03T12:00:00.000Z", "2010-01-01T00:00:00.000Z"]),
        (
            "scrobbles-without-header.csv",
            ["2014-03-03T12:00:00.000Z", "2014-03-03T09:46:00.000Z", "2025-12-24T18:05:00.000Z"],
        ),
        ("lastfmstats-sample.csv", ["2014-03-03T12:00:00.000Z", "2025-12-24T18:05:00.000Z"]),
    ],
)
def test_scrobbles_of_each_exporter_begin_when_they_say(name: str, starts: list[str]) -> None:
    read = imported(LASTFM / name)
    assert [event["started_at"] for event in read.events] == starts
    assert {event["ms_played"] for event in read.events} == {210_000}
    assert {event["location_id"] for event in read.events} == {"location-import-zz"}
    assert read.broken == 0


def test_exporters_that_know_the_second_and_the_minute_agree_on_a_listen() -> None:
    exact, rough = imported(LASTFM / "lastfm_uts.csv"), imported(LASTFM / "scrobbles-without-header.csv")
    assert len(exact.ids & rough.ids) == 2
    titles = {song["title"] for song in exact.dimension("music.songs").values()}
    assert titles == {"Overture", "Harbour {Live}", 'Tea "at" Four'}


def test_a_listenbrainz_export_tells_lengths_and_sometimes_what_was_heard() -> None:
    read = imported(LISTENBRAINZ)
    assert [(e["started_at"][:10], e["ms_played"], e["song_duration_ms"]) for e in read.events] == [
        ("2014-03-03", 238_000, 238_000),
        ("2014-03-03", 312_000, 312_000),
        ("2025-12-24", 187_320, 210_000),
        ("2025-12-24", 210_000, 210_000),
    ]
    songs = {song["title"]: song for song in read.dimension("music.songs").values()}
    assert songs["Overture"]["track_number"] == 1
    assert "track_number" not in songs["First Light"]


def test_lastfm_and_listenbrainz_meet_in_the_same_listen() -> None:
    assert len(imported(LASTFM / "lastfmstats-sample.csv").ids & imported(LISTENBRAINZ).ids) == 2


@pytest.mark.parametrize("folder", [EXTENDED, ACCOUNT, LISTENBRAINZ])
def test_a_zip_as_downloaded_gives_what_its_folder_gives(folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "my_spotify_data"), "zip", folder.parent, folder.name)
    assert imported(Path(archive)).ids == imported(folder).ids


@pytest.mark.parametrize("folder", [EXTENDED, ACCOUNT, LASTFM, LISTENBRAINZ])
def test_every_record_keeps_to_the_contract(folder: Path) -> None:
    judged = 0
    schema_of = {topic.name: schema for schema, topic in DIMENSIONS.items()} | {
        "music.stream-events": "stream-event"
    }
    for record in imported(folder, user_name="Ada", country="FR", subscription="premium").records:
        read = schemas.read(schema_of[record.topic], record.payload)
        assert not isinstance(read, schemas.Rejection), (read, record)
        assert schemas.unknown_fields(schema_of[record.topic], read) == []
        judged += 1
    assert judged > 10


@pytest.mark.parametrize("folder", [EXTENDED, ACCOUNT, LASTFM, LISTENBRAINZ])
def test_every_event_refers_to_dimensions_that_are_sent_before_it(folder: Path) -> None:
    read = imported(folder)
    for schema, topic in DIMENSIONS.items():
        known = set(read.dimension(topic.name))
        assert {event[f"{schema}_id"] for event in read.events} <= known
    first_event = next(n for n, record in enumerate(read.records) if record.topic == "music.stream-events")
    assert all(record.topic == "music.stream-events" for record in read.records[first_event:])


def test_half_an_hour_without_a_listen_separates_two_sessions() -> None:
    sessions: dict[str, list[str]] = {}
    for event in imported(EXTENDED).events:
        sessions.setdefault(event["session_id"], []).append(event["event_time"][:16])
    assert sorted(sorted(set(times)) for times in sessions.values()) == [
        ["2013-05-11T10:00", "2013-05-11T10:03", "2013-05-11T10:04"],
        ["2014-07-27T20:34", "2014-07-27T20:35"],
        ["2019-03-02T07:45"],
        ["2023-01-05T14:22", "2023-01-05T14:24"],
        ["2023-01-06T22:10"],
        ["2023-02-11T19:00", "2023-02-11T19:04"],
    ]


def test_what_the_listener_says_fills_what_the_export_does_not_tell() -> None:
    read = imported(LASTFM, user_name="Ada", country="JP", time_zone="Asia/Tokyo", subscription="family")
    (user,) = read.dimension("music.users").values()
    assert (user["name"], user["country"], user["subscription"]) == ("Ada", "JP", "family")
    assert read.dimension("music.locations")[user["location_id"]]["time_zone"] == "Asia/Tokyo"
    assert {event["subscription"] for event in read.events} == {"family"}


def test_a_country_has_the_time_zone_of_its_largest_city_and_home_is_where_most_was_heard() -> None:
    read = imported(EXTENDED)
    zones = {place["country"]: place["time_zone"] for place in read.dimension("music.locations").values()}
    assert zones == {"DE": "Europe/Berlin", "FR": "Europe/Paris"}
    (user,) = read.dimension("music.users").values()
    assert user["country"] in zones


def test_private_sessions_are_left_out_when_asked_for() -> None:
    path = EXTENDED / "Streaming_History_Audio_2014-2023_0.json"
    assert len(imported(path).events) - len(imported(path, leave_out_private_sessions=True).events) == 2


def test_ids_are_the_same_at_every_reading_and_another_listener_has_others() -> None:
    first, again = imported(EXTENDED), imported(EXTENDED, now_ms=NOW_MS + 86_400_000)
    assert first.ids == again.ids
    assert not first.ids & imported(EXTENDED, user_name="Somebody else").ids


def test_names_meet_whatever_their_case_form_and_spaces() -> None:
    assert identities.artist_id("Beyonce\u0301 ") == identities.artist_id("BEYONCÉ")
    assert identities.song_id("A", "B C") == identities.song_id("a", "b  c")
    assert identities.song_id("A B", "C") != identities.song_id("A", "B C")
