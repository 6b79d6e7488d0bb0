"""What flows from whatever makes records to whatever delivers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Record(NamedTuple):
    """One record for Kafka; the wire prefix is the delivery's matter."""

    topic: str
    key: bytes
    payload: bytes | None
    """The value's JSON; None deletes the key from a compacted topic."""
    event_time_ms: int | None = None
    """When it happened, in milliseconds since 1970 (UTC); None for what is no event."""


class Block(NamedTuple):
    """Many records of one topic, without their wire prefix."""

    topic: str
    keys: list[bytes]
    payloads: Sequence[bytes | None]
    """Values as in `Record`."""
