"""The made world: reproducible, valid, and consistent in itself."""

import hashlib
import json
import subprocess
import sys
from collections import defaultdict
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from music_contract import schemas
from music_contract.topics import DIMENSIONS
from music_producer.source import Record
from music_producer.world import dimension_records, make_world

Table = dict[str, dict[str, Any]]


def published(seed: int = 7, users: int = 300, songs: int = 400) -> list[Record]:
    return list(dimension_records(make_world(seed, users, songs)))


@cache
def tables() -> dict[str, Table]:
    """Return the records by schema and id."""
    schema_of = {topic.name: name for name, topic in DIMENSIONS.items()}
    found: dict[str, Table] = defaultdict(dict)
    for record in published():
        key = record.key.decode()
        assert key not in found[schema_of[record.topic]], f"{key} is there twice"
        found[schema_of[record.topic]][key] = json.loads(record.payload)
    return found


def digest(records: list[Record]) -> str:
    return hashlib.sha256(
        b"".join(record.topic.encode() + record.key + record.payload for record in records)
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
