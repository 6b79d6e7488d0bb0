"""The made world: places, a catalogue, listeners. All of it follows from the seed and two sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from music_contract.topics import DIMENSIONS

from music_producer.catalogue import (
    Catalogue,
    album_records,
    artist_records,
    make_catalogue,
    song_records,
)
from music_producer.listeners import Listeners, device_records, make_listeners, user_records
from music_producer.places import Place, largest_places, location_records
from music_producer.source import Record
from music_producer.words import name_pools, title_pool

PLACES = 500
"""How many cities there are: the world's largest."""


@dataclass(frozen=True)
class World:
    """Everything that playbacks refer to."""

    seed: int
    places: tuple[Place, ...]
    catalogue: Catalogue
    listeners: Listeners


def make_world(seed: int, users: int, songs: int) -> World:
    """Make the world of a seed; the same arguments give the same world, byte for byte."""
    places = largest_places(PLACES)
    return World(
        seed=seed,
        places=places,
        catalogue=make_catalogue(seed, songs, [place.country for place in places]),
        listeners=make_listeners(seed, users, places),
    )


def dimension_records(world: World) -> Iterator[Record]:
    """Yield every dimension record, those first to which others refer."""
    names = name_pools((place.country for place in world.places), world.seed)
    titles = title_pool(world.seed)
    return chain(
        _records("location", location_records(world.places)),
        _records("artist", artist_records(world.catalogue, titles, names)),
        _records("album", album_records(world.catalogue, titles)),
        _records("song", song_records(world.catalogue, titles)),
        _records("user", user_records(world.listeners, world.places, names)),
        _records("device", device_records(world.listeners)),
    )


def _records(schema: str, records: Iterator[dict[str, Any]]) -> Iterator[Record]:
    topic = DIMENSIONS[schema]
    key = topic.key
    assert key is not None, f"{topic.name} is compacted and needs a key"
    for record in records:
        yield Record(topic.name, record[key].encode(), orjson.dumps(record))
