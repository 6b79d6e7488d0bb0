"""What flows from whatever makes events to whatever delivers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One record for Kafka; the wire prefix is the delivery's matter."""

    topic: str
    key: bytes
    payload: bytes
    """The value's JSON."""
    event_time_ms: int | None = None
    """When it happened, in milliseconds since 1970 (UTC); None for what is no event."""


class EventSource(Protocol):
    """Makes events: a simulation, an import, a replay. Knows nothing of Kafka, and no clock but `now_ms`."""

    def batch(self, most: int, now_ms: int) -> Sequence[Record]:
        """Return the next events that have ended by `now_ms`, oldest first: at most `most`, perhaps fewer.

        Calls give a `now_ms` (milliseconds since 1970, UTC) that does not go back.
        """
        ...
