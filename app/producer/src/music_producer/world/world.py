"""The made world: places, a catalogue, listeners. All of it follows from the seed and two sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from music_contract.topics import DIMENSIONS

from music_producer.source import Block
from music_producer.world.catalogue import Catalogue, make_catalogue
from music_producer.world.dates import WORLD_START_MS
from music_producer.world.dimensions import Dimensions
from music_producer.world.identifiers import user_ids
from music_producer.world.listeners import NEVER_MS, Listeners, make_listeners
from music_producer.world.places import Place, largest_places
from music_producer.world.words import name_pools, title_pool

PLACES = 500
"""How many cities there are: the world's largest."""


@dataclass(frozen=True)
class World:
    """Everything that playbacks refer to."""

    seed: int
    places: tuple[Place, ...]
    catalogue: Catalogue
    listeners: Listeners

    @cached_property
    def dimensions(self) -> Dimensions:
        """What writes all this as records."""
        names = name_pools((place.country for place in self.places), self.seed)
        return Dimensions(self.places, self.catalogue, self.listeners, names, title_pool(self.seed))


def make_world(seed: int, users: int, songs: int, paid_share: float = 0.45) -> World:
    """Make the world of a seed; the same arguments give the same world, byte for byte."""
    places = largest_places(PLACES)
    return World(
        seed=seed,
        places=places,
        catalogue=make_catalogue(seed, songs, [place.country for place in places]),
        listeners=make_listeners(seed, users, places, paid_share),
    )


def dimension_records(world: World, at_ms: int = WORLD_START_MS) -> Iterator[Block]:
    """Yield every dimension record as of a moment, those first to which others refer."""
    artists, albums, songs = world.catalogue.out_at(at_ms)
    made = world.dimensions
    return chain(
        made.locations(),
        made.artists(range(artists)),
        made.albums(range(albums)),
        made.songs(range(songs)),
        made.users(at_ms),
        made.devices(at_ms),
    )


class Changes:
    """The dimension changes of the world in the order of time: releases, sign-ups, plans, moves,
    farewells.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        listeners = world.listeners
        columns = (listeners.signed_up_ms, listeners.plan_ms, listeners.move_ms, listeners.cancel_ms)
        users, moments = [], []
        for column in columns:
            changing = np.flatnonzero((column > WORLD_START_MS) & (column != NEVER_MS))
            users.append(changing)
            moments.append(column[changing])
        order = np.argsort(np.concatenate(moments), kind="stable")
        self._user, self._moment = np.concatenate(users)[order], np.concatenate(moments)[order]

    def records(self, after_ms: int, until_ms: int) -> Iterator[Block]:
        """Yield what changes after one moment until another: each changed record as of the later one.

        An account that was closed is a record without a value, which compaction takes for a deletion.
        """
        made, catalogue, listeners = self._world.dimensions, self._world.catalogue, self._world.listeners
        before, now = catalogue.out_at(after_ms), catalogue.out_at(until_ms)
        for records, first, end in zip((made.artists, made.albums, made.songs), before, now, strict=True):
            yield from records(range(first, end))
        first, end = np.searchsorted(self._moment, (after_ms, until_ms), side="right")
        if first == end:
            return
        changed = np.unique(self._user[first:end])
        gone = listeners.cancel_ms[changed] <= until_ms
        staying = changed[~gone]
        yield from made.users(until_ms, staying)
        yield from made.devices(until_ms, staying[listeners.signed_up_ms[staying] > after_ms])
        left = changed[gone & (listeners.cancel_ms[changed] > after_ms)]
        yield Block(DIMENSIONS["user"].name, user_ids(left).to_pylist(), [None] * len(left))
