"""The event contract as the stream's columns: derived from the JSON Schema document, so that a field added
there needs no change here.
"""

from __future__ import annotations

from functools import cache

import pyarrow as pa
from music_contract import schemas

EVENT = "stream-event"
FIELDS = schemas.fields(EVENT)
"""The rule of each field, in the contract's order."""

MOMENTS = frozenset(name for name, rule in FIELDS.items() if rule.get("format") == "date-time")
"""Fields that hold a moment."""

OBJECTS = frozenset(name for name, rule in FIELDS.items() if rule["type"] == "object")
"""Fields that hold names and values; their column is JSON text."""

IDENTITY = "event_id"
"""The field that tells events apart: a UUID."""

UUID = pa.binary(16)
TIMESTAMP = pa.timestamp("us", tz="UTC")
"""The type of a moment."""

_TYPES = {"string": pa.string(), "integer": pa.int64(), "boolean": pa.bool_(), "object": pa.string()}


@cache
def event_type() -> pa.StructType:
    """The type of an event: the contract's fields, moments as timestamps and objects as JSON text."""
    return pa.struct(
        [(name, TIMESTAMP if name in MOMENTS else _TYPES[rule["type"]]) for name, rule in FIELDS.items()]
    )
