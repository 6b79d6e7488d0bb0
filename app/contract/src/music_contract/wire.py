"""The bytes of a Kafka value: the Confluent prefix (magic byte 0, 4-byte schema id), then JSON."""

from __future__ import annotations

import struct

_PREFIX = struct.Struct(">bI")
MAGIC = 0
PREFIX_BYTES = _PREFIX.size


def frame(schema_id: int, payload: bytes) -> bytes:
    """Put the registry's id of the payload's schema before it; struct.error unless it fits 32 bits."""
    return _PREFIX.pack(MAGIC, schema_id) + payload


def unframe(value: bytes) -> tuple[int | None, bytes]:
    """Split a value into schema id and payload; the id is None for bare JSON, which never starts with 0."""
    if len(value) < _PREFIX.size or value[0] != MAGIC:
        return None, value
    return _PREFIX.unpack_from(value)[1], value[_PREFIX.size :]
