"""Playbacks as columns: what the simulation makes, and what becomes records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TIE_BITS = np.uint64(2**21 - 1)
"""So many of a playback's own bits put those of the same millisecond in an order."""


@dataclass(frozen=True)
class Playbacks:
    """Playbacks that have ended, a row each."""

    ended_ms: Ints
    started_ms: Ints
    listener: Ints
    """Who listens. A user can stand for several listeners when more events are asked for than users can
    make.
    """
    user: Ints
    session_ms: Ints
    """When the session began."""
    song: Ints
    device: NDArray[np.int16]
    """Which of the user's devices, from 0."""
    place: NDArray[np.int16]
    ms_played: Ints
    reason_start: NDArray[np.int8]
    """Numbers of REASONS, as reason_end."""
    reason_end: NDArray[np.int8]
    skipped: Flags
    shuffle: Flags
    offline: Flags
    liked: Flags
    added: Flags
    subscription: NDArray[np.int8]
    chance: NDArray[np.uint64]
    """64 bits that are this playback's own, for whatever is drawn about it later."""

    def __len__(self) -> int:
        return len(self.ended_ms)

    def take(self, rows: Ints | Flags | slice) -> Playbacks:
        """Return some of the rows."""
        return Playbacks(*(getattr(self, field.name)[rows] for field in fields(self)))


def joined(parts: Sequence[Playbacks]) -> Playbacks:
    """Return the rows of all parts, one part after the other; at least one part is needed."""
    if len(parts) == 1:
        return parts[0]
    return Playbacks(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Playbacks))
    )
