"""Small simulations for the tests, and their records read back as a consumer reads them."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import orjson
from music_contract import wire
from music_producer.listening.experiments import Experiment, assign
from music_producer.listening.playbacks import Playbacks, joined
from music_producer.listening.population import Behaviour, Population
from music_producer.listening.simulation import Simulation
from music_producer.records.events import Batch, EventStream
from music_producer.records.imperfections import Rates
from music_producer.records.rendering import Renderer
from music_producer.source import Block, Record
from music_producer.world.dates import DAY_MS, HOUR_MS, WORLD_START_MS
from music_producer.world.world import World, make_world

START_MS = WORLD_START_MS + 323 * DAY_MS + 9 * HOUR_MS
"""A Friday morning in November 2026."""
SCHEMA_ID, OLDER_SCHEMA_ID = 10, 9


def one_by_one(blocks: Iterable[Block]) -> list[Record]:
    """Return the records of blocks."""
    return [
        Record(topic, key, payload)
        for topic, keys, payloads in blocks
        for key, payload in zip(keys, payloads, strict=True)
    ]


@cache
def world(seed: int = 3, users: int = 2_000, songs: int = 1_000) -> World:
    return make_world(seed, users, songs)


@cache
def population(
    seed: int = 3, users: int = 2_000, songs: int = 1_000, experiments: tuple[Experiment, ...] = ()
) -> Population:
    made = world(seed, users, songs)
    return Population(made, Behaviour(), assign(experiments, made.listeners.users))


def playbacks(
    of: Population, hours: float, *, rate: float = 4.0, steps: Sequence[int] = (), start_ms: int = START_MS
) -> Playbacks:
    """Simulate so many hours, in the given steps (seconds) over and over, or in steps of ten minutes."""
    simulation = Simulation(of, start_ms, rate)
    end_ms = start_ms + int(hours * HOUR_MS)
    parts, now_ms, number = [], start_ms, 0
    while now_ms < end_ms:
        step = steps[number % len(steps)] if steps else 600
        now_ms, number = min(now_ms + step * 1000, end_ms), number + 1
        if (part := simulation.advance(now_ms)) is not None:
            parts.append(part)
    return joined(parts)


def batches(
    of: Population, hours: float, rates: Rates, *, rate: float = 4.0, step_ms: int = 600_000
) -> list[Batch]:
    """Simulate so many hours up to bytes."""
    stream = event_stream(of, rates, rate)
    ends = range(START_MS + step_ms, START_MS + int(hours * HOUR_MS) + 1, step_ms)
    return [batch for end in ends for batch in stream.advance(end)]


def event_stream(of: Population, rates: Rates, rate: float = 4.0) -> EventStream:
    renderer = Renderer(of.world, of.assignment, SCHEMA_ID)
    return EventStream(Simulation(of, START_MS, rate), rates, renderer, wire.frame(OLDER_SCHEMA_ID, b""))


def events(made: list[Batch]) -> list[dict[str, Any]]:
    """Read the records of batches, which must be JSON."""
    return [orjson.loads(wire.unframe(value)[1]) for batch in made for value in batch.rendered.values]
