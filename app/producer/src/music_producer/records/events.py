"""The events of a run as they go to Kafka: simulated, delayed, doubled, spoiled, and written as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from music_contract.topics import DIMENSIONS

from music_producer.listening.simulation import Simulation
from music_producer.records.imperfections import (
    Fault,
    Imperfections,
    Rates,
    Released,
    malformation,
    malformed,
    rows_with,
    unpublished_devices,
)
from music_producer.records.rendering import Rendered, Renderer
from music_producer.source import Block
from music_producer.world import columns
from music_producer.world.dates import MINUTE_MS
from music_producer.world.identifiers import device_ids, user_ids

_ROWS = 16_384
"""Records that are written at once: more would be written to memory that the processor does not hold."""
ANNOUNCED_AFTER_MS = 5 * MINUTE_MS
"""So long after its first event comes the record of a device that was not announced."""


@dataclass(frozen=True)
class Batch:
    """Records in the order of sending, as columns and as bytes."""

    released: Released
    rendered: Rendered


class EventStream:
    """Brings a simulation forward in time and gives its records; pure but for the state that it holds."""

    def __init__(
        self, simulation: Simulation, rates: Rates, renderer: Renderer, older_prefix: bytes | None = None
    ) -> None:
        """Begin; `older_prefix` is the wire prefix of the schema one version older."""
        self._simulation = simulation
        self._imperfections = Imperfections(rates)
        self._renderer = renderer
        self._older_prefix = older_prefix
        self._to_announce: list[tuple[int, bytes, bytes]] = []
        """When, and the key and the value."""

    def follow(self, simulation: Simulation) -> None:
        """Go on with another simulation; what the one before has made and is held back still comes."""
        self._simulation = simulation

    def advance(self, until_ms: int, most: int | None = None) -> Iterator[Batch]:
        """Yield the records that are due by then, some thousands at a time: at most `most`, after which the
        rest is lost. Time has gone on when the last one has been taken.
        """
        released = self._imperfections.release(self._simulation.advance(until_ms), until_ms)
        if released is None:
            return
        count = len(released) if most is None else min(len(released), most)
        for first in range(0, count, _ROWS):
            yield self._batch(released.take(slice(first, min(first + _ROWS, count))))

    def _batch(self, released: Released) -> Batch:
        released = unpublished_devices(released)
        rendered = self._renderer.render(released.playbacks, released.released_ms)
        self._spoil(released, rendered.values)
        self._plan_announcements(released)
        return Batch(released, rendered)

    def announcements(self, until_ms: int | None = None) -> Block:
        """Return the records of unannounced devices that are due by then; all that are left without a
        moment.
        """
        due = [entry for entry in self._to_announce if until_ms is None or entry[0] <= until_ms]
        self._to_announce = self._to_announce[len(due) :]
        return Block(DIMENSIONS["device"].name, [key for _, key, _ in due], [value for *_, value in due])

    def _spoil(self, released: Released, values: list[bytes]) -> None:
        """Exchange the values that are malformed or of the older schema."""
        if not (released.faults & (Fault.MALFORMED | Fault.OLD_SCHEMA)).any():
            return
        chance = released.playbacks.chance
        for row in rows_with(released.faults, Fault.MALFORMED):
            values[row] = malformed(values[row], malformation(int(chance[row])))
        for row in rows_with(released.faults, Fault.OLD_SCHEMA):
            assert self._older_prefix is not None, "an older schema was asked for and is not known"
            values[row] = self._older_prefix + values[row][len(self._older_prefix) :]

    def _plan_announcements(self, released: Released) -> None:
        faults = released.faults
        rows = np.flatnonzero((faults & Fault.UNPUBLISHED_DIMENSION > 0) & (faults & Fault.DUPLICATE == 0))
        if not len(rows):
            return
        user, device = released.playbacks.user[rows], released.playbacks.device[rows]
        # Releases come in the order of time, and so do these.
        moment_ms = released.released_ms[rows] + ANNOUNCED_AFTER_MS
        ids = device_ids(user, device)
        records = columns.joined(
            b'{"device_id":"', ids, b'","user_id":"', user_ids(user),
            b'","device_type":"phone","platform":"android","model":"Pixel 9","app_version":"9.4.1",'
            b'"updated_at":"',
            columns.moments(moment_ms), b'"}',
        )  # fmt: skip
        self._to_announce += zip(moment_ms.tolist(), ids.to_pylist(), records.to_pylist(), strict=True)
