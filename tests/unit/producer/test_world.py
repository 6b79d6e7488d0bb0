"""The made world: reproducible, valid, and consistent in itself."""

import hashlib
import json
import re
import subprocess
import sys
import unicodedata
from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from music_contract import schemas
from music_contract.topics import DIMENSIONS
from music_producer.source import Record
from music_producer.world.dates import DAY_MS, WORLD_START_MS
from music_producer.world.identifiers import device_ids, song_ids
from music_producer.world.world import Changes, dimension_records, make_world

from tests.unit.producer.simulated import one_by_one

Table = dict[str, dict[str, Any]]


WORLD = make_world(7, 300, 400)


def published(seed: int = 7, users: int = 300, songs: int = 400) -> list[Record]:
    return one_by_one(dimension_records(make_world(seed, users, songs)))


@cache
def tables() -> dict[str, Table]:
    """Return the records by schema and id."""
    schema_of = {topic.name: name for name, topic in DIMENSIONS.items()}
    found: dict[str, Table] = defaultdict(dict)
    for record in published():
        key = record.key.decode()
        assert key not in found[schema_of[record.topic]], f"{key} is there twice"
        found[schema_of[record.topic]][key] = json.loads(record.payload or b"")
    return found


def digest(records: list[Record]) -> str:
    return hashlib.sha256(
        b"".join(record.topic.encode() + record.key + (record.payload or b"") for record in records)
    ).hexdigest()


def test_the_same_seed_makes_the_same_bytes_in_another_process() -> None:
    program = "from tests.unit.producer.test_world import digest, published; print(digest(published()))"
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "123"},
    )
    assert other.stdout.strip() == digest(published())


def test_another_seed_makes_another_world() -> None:
    assert digest(published(seed=8)) != digest(published(seed=7))


def test_the_first_users_stay_the_same_when_more_are_made() -> None:
    few = {record.key: record.payload for record in published(users=100, songs=400)}
    many = {record.key: record.payload for record in published(users=300, songs=400)}
    assert len(many) > len(few)
    assert few.items() <= many.items()


def test_it_is_as_large_as_asked() -> None:
    assert len(tables()["user"]) == 300
    assert len(tables()["song"]) == 400


def later(days: float) -> list[Record]:
    return one_by_one(Changes(WORLD).records(WORLD_START_MS, WORLD_START_MS + int(days * DAY_MS)))


def test_the_world_of_a_later_day_is_the_first_one_and_its_changes() -> None:
    state = {record.key: record.payload for record in one_by_one(dimension_records(WORLD))}
    for record in later(400):
        state[record.key] = record.payload
    alive = {key: payload for key, payload in state.items() if payload is not None}
    gone = {key for key, payload in state.items() if payload is None}
    then = {
        record.key: record.payload
        for record in one_by_one(dimension_records(WORLD, WORLD_START_MS + 400 * DAY_MS))
    }
    assert {key: payload for key, payload in alive.items() if key in then} == then
    # What stays of those who left are their devices.
    assert all(
        json.loads(alive[key] or b"")["user_id"].encode() in gone for key in alive.keys() - then.keys()
    )


def test_the_changes_are_the_same_in_steps_of_any_length() -> None:
    moments = [WORLD_START_MS + int(part * 100 * DAY_MS) for part in (0, 0.01, 0.5, 0.51, 1)]
    changes = Changes(WORLD)
    stepwise = {
        record.key: record.payload
        for a, b in pairwise(moments)
        for record in one_by_one(changes.records(a, b))
    }
    assert stepwise == {record.key: record.payload for record in later(100)}


def test_users_come_move_change_their_plan_and_leave_and_songs_come_out() -> None:
    kinds: dict[str, int] = defaultdict(int)
    for record in later(365):
        kinds["farewell" if record.payload is None else record.topic] += 1
        if record.payload is not None:
            name = next(name for name, topic in DIMENSIONS.items() if topic.name == record.topic)
            assert schemas.validate(name, json.loads(record.payload)) is None
    print(dict(kinds))
    assert kinds["music.users"] > 50
    assert kinds["music.songs"] > 50
    assert kinds["music.devices"] > 20
    assert kinds["farewell"] > 5


@pytest.mark.parametrize(("users", "songs"), [(1, 1), (1, 2), (2, 13)])
def test_the_smallest_worlds_can_be_made(users: int, songs: int) -> None:
    records = published(users=users, songs=songs)
    assert sum(record.topic == "music.songs" for record in records) == songs


@pytest.mark.parametrize("name", list(DIMENSIONS))
def test_every_record_keeps_to_its_schema(name: str) -> None:
    for record in tables()[name].values():
        assert schemas.validate(name, record) is None
        assert schemas.unknown_fields(name, record) == []


def test_a_song_has_its_albums_artist_and_release_date() -> None:
    for song in tables()["song"].values():
        album = tables()["album"][song["album_id"]]
        assert song["artist_id"] == album["artist_id"]
        assert song["release_date"] == album["release_date"]
        assert song["genre"] == tables()["artist"][song["artist_id"]]["genre"]


def test_the_tracks_of_an_album_are_numbered_from_one_without_a_gap() -> None:
    tracks: dict[str, list[int]] = defaultdict(list)
    for song in tables()["song"].values():
        tracks[song["album_id"]].append(song["track_number"])
    assert set(tracks) == set(tables()["album"])
    for numbers in tracks.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_a_user_lives_in_a_city_of_their_country() -> None:
    for user in tables()["user"].values():
        assert user["country"] == tables()["location"][user["location_id"]]["country"]


def test_every_user_owns_a_phone_and_every_device_has_an_owner() -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    for device in tables()["device"].values():
        kinds[device["user_id"]].add(device["device_type"])
    assert set(kinds) == set(tables()["user"])
    assert all("phone" in owned for owned in kinds.values())


def test_cities_have_real_time_zones_and_more_people_means_more_listeners() -> None:
    locations = list(tables()["location"].values())
    for location in locations:
        ZoneInfo(location["time_zone"])
    in_large_half = {location["location_id"] for location in locations[: len(locations) // 2]}
    share = sum(user["location_id"] in in_large_half for user in tables()["user"].values()) / 300
    print(f"{share:.0%} of the users live in the larger half of the cities")
    assert share > 0.65


def test_students_are_of_an_age_to_study() -> None:
    for user in tables()["user"].values():
        if user["subscription"] == "student":
            assert 1995 <= int(user["birth_date"][:4]) <= 2008


def test_an_address_holds_what_is_ascii_of_the_name_and_says_listener_for_the_rest() -> None:
    told = set()
    for user in tables()["user"].values():
        plain = unicodedata.normalize("NFKD", user["name"]).encode("ascii", "ignore").decode().lower()
        words = [re.sub(r"[^a-z0-9]", ".", word).strip(".") for word in plain.split()]
        mailbox = ".".join(filter(None, words)) or "listener"
        number = int(user["user_id"].removeprefix("user-"))
        assert user["email"] == f"{mailbox}.{number}@example.com", user["name"]
        told.add(mailbox)
    assert "listener" in told
    assert len(told) > 100


def test_a_record_is_the_same_alone_and_among_others() -> None:
    made = WORLD.dimensions
    everything = {record.key: record.payload for record in published()}
    some = np.array([5, 17, 250])
    alone = [
        *made.artists(range(2, 3)),
        *made.albums(range(11, 13)),
        *made.songs(range(40, 57)),
        *made.users(WORLD_START_MS, some),
        *made.devices(WORLD_START_MS, some),
    ]
    records = one_by_one(alone)
    assert len(records) > 24
    assert all(everything[record.key] == record.payload for record in records)


def test_ids_of_a_million_and_more_grow_by_a_digit() -> None:
    assert song_ids(np.array([0, 999_999, 1_000_000])).to_pylist() == [
        b"song-000000",
        b"song-999999",
        b"song-1000000",
    ]
    assert device_ids(np.array([1_234_567]), np.array([2], dtype=np.int16)).to_pylist() == [
        b"device-1234567-3"
    ]
