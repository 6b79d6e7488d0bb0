"""The event contract as Spark sees it: its type, and the test that a parsed record keeps to it.

Both are derived from the JSON Schema document, so a field added there needs no change here.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import and_
from typing import Any

from music_contract import schemas
from music_contract.rules import MAX_FUTURE
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DoubleType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
)

EVENT = "stream-event"

_TYPES: dict[str, DataType] = {
    "string": StringType(),
    "integer": LongType(),
    "number": DoubleType(),
    "boolean": BooleanType(),
    "object": MapType(StringType(), StringType()),
}

# Spark's JSON reader forgives by default what JSON forbids.
JSON_OPTIONS = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}

_NO_TEXT = r"true|false|[-0-9\[{](?s:.*)"
"""What Spark makes of a value that is no text where the contract has text."""


def struct_type() -> StructType:
    """The type that an event's JSON is parsed with: times stay text here: the contract fixes them."""
    return StructType(
        [StructField(name, _TYPES[rule["type"]]) for name, rule in schemas.fields(EVENT).items()]
    )


def times() -> tuple[str, ...]:
    """Names of the fields that hold a moment."""
    return tuple(name for name, rule in schemas.fields(EVENT).items() if rule.get("format") == "date-time")


def is_plain(event: Column, payload: Column, appended_at: Column) -> Column:
    """Whether the record surely keeps to the contract and has no field that it does not know.

    A record for which this is false is not yet refused: music_contract judges it, one by one, and names the
    reason. So this may be too strict, for speed, but never too lenient.

    Args:
        event: the struct that from_json made of the payload.
        payload: the JSON text.
        appended_at: when the broker appended the record, the "now" of the rule about future times (it is the
            same at every replay, unlike the clock).
    """
    fields = schemas.fields(EVENT)
    present = reduce(lambda a, b: a + b, (event[name].isNotNull().cast("int") for name in fields))
    checks = [
        # Unknown fields, repeated fields and explicit nulls all break this equality.
        F.size(F.json_object_keys(payload)) == present,
        _ends_with_its_last_brace(payload),
        *(check for name, rule in fields.items() for check in _checks(event[name], rule)),
        *(event[name].isNotNull() for name in schemas.load(EVENT)["required"]),
        F.try_to_timestamp(event["event_time"])
        <= appended_at + F.expr(f"INTERVAL {MAX_FUTURE.seconds} SECONDS"),
    ]
    return F.coalesce(reduce(and_, checks), F.lit(False))


def _ends_with_its_last_brace(payload: Column) -> Column:
    """Whether the payload has nothing behind the event; Spark's JSON reader would not notice it.

    The event that it found has every object field of the contract, all empty, and so at least that many
    closing braces. Where the payload has no more, and ends with one, the event ends there too.
    """
    objects = sum(rule["type"] == "object" for rule in schemas.fields(EVENT).values())
    up_to_the_last = F.substring_index(payload, "}", objects + 1)
    return F.concat(up_to_the_last, F.lit("}")) == payload


def _is_taken_for_text(rule: dict[str, Any]) -> bool:
    """Whether a value that is no text could pass as one that the rule allows."""
    pattern = rule.get("pattern", ".*")
    samples = rule.get("enum", ("true", "false", "0", "-1", "1.5", "1e5", "[]", "{}"))
    return any(re.fullmatch(_NO_TEXT, value) and re.fullmatch(pattern, value) for value in samples)


def _checks(value: Column, rule: dict[str, Any]) -> list[Column]:
    """The rule's tests, each true or null-tolerant: whether the field must be there is tested apart."""
    checks = []
    if "enum" in rule:
        checks.append(value.isin(rule["enum"]))
    if "pattern" in rule:
        # The whole of it: in Java's patterns `$` also matches before a line's end.
        checks.append(value.rlike(rf"\A(?:{rule['pattern']})\z"))
    if rule["type"] == "string" and _is_taken_for_text(rule):
        checks.append(~value.rlike(rf"\A(?:{_NO_TEXT})\z"))
    if "minimum" in rule:
        checks.append(value >= rule["minimum"])
    if "maximum" in rule:
        checks.append(value <= rule["maximum"])
    if rule.get("format") == "date-time":
        checks.append(F.try_to_timestamp(value).isNotNull())
    if rule["type"] == "object":
        # Spark turns any JSON value of a map into text: entries are judged one by one, off the fast path.
        return [value.isNotNull() & (F.size(value) == 0)]
    return [check | value.isNull() for check in checks]
