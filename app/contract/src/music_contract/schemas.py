"""The JSON Schema documents, and the judgement whether a record keeps to them.

The documents (draft-07, closed, in the folder ``schemas``) are the one source of every field. The judgement
here reads them itself rather than through a general validator because it must name a reason for the dead
letters, and because it is kinder in one point: a field it does not know is no fault (``unknown_fields``), so
that a producer one version ahead is not punished.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from music_contract import times
from music_contract.rules import MAX_FUTURE, MAX_ID_LENGTH, MAX_VALUE_BYTES, Reason
from music_contract.topics import TOPICS

SUBJECTS: dict[str, str] = {topic.name: topic.schema for topic in TOPICS.values() if topic.schema}
"""Topic -> schema name of its values."""

_TYPE_NAMES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
}
# A limit of one field that has a reason of its own, because people look for it under that name.
_LIMIT_REASONS = {
    ("ms_played", "minimum"): Reason.NEGATIVE_MS_PLAYED,
    ("ms_played", "maximum"): Reason.ABSURD_MS_PLAYED,
}


class Rejection(str):
    """Why a record is refused, as the text ``reason: sentence``."""

    __slots__ = ()

    @property
    def reason(self) -> Reason:
        """The code, for counting."""
        return Reason(self.partition(": ")[0])

    @property
    def sentence(self) -> str:
        """The explanation, for people."""
        return self.partition(": ")[2]


def load(name: str) -> dict[str, Any]:
    """Return a fresh copy of a schema's document, such as ``stream-event``; KeyError for an unknown name."""
    document: dict[str, Any] = json.loads(text(name))
    return document


@cache
def text(name: str) -> str:
    """Return the document's text as it is registered; KeyError for an unknown name."""
    if name not in SUBJECTS.values():
        raise KeyError(f"no schema is called {name!r}; there are {', '.join(SUBJECTS.values())}")
    return files("music_contract").joinpath("schemas", f"{name}.schema.json").read_text("utf-8")


@cache
def earlier_texts(name: str) -> tuple[str, ...]:
    """Return the texts that the document had before, the oldest first; empty for one that never changed."""
    folder = files("music_contract").joinpath("schemas", "earlier", name)
    if not folder.is_dir():
        return ()
    versions = sorted(folder.iterdir(), key=lambda version: int(version.name.partition(".")[0]))
    return tuple(version.read_text("utf-8") for version in versions)


def fields(name: str) -> dict[str, dict[str, Any]]:
    """Return the schema's properties by field name, in the order of the document."""
    properties: dict[str, dict[str, Any]] = load(name)["properties"]
    return properties


def vocabulary(name: str, field: str) -> tuple[str, ...]:
    """Return the values that an enumerated field may have."""
    return tuple(fields(name)[field]["enum"])


def read(name: str, payload: bytes | None, *, now: datetime | None = None) -> Mapping[str, Any] | Rejection:
    """Judge a payload (without the wire prefix) from its bytes on: its record, or why it is refused."""
    if not payload:
        return _rejection(Reason.EMPTY, "the record has no value")
    if len(payload) > MAX_VALUE_BYTES:
        return _rejection(
            Reason.TOO_LARGE, f"the value has {len(payload)} bytes; at most {MAX_VALUE_BYTES} are read"
        )
    try:
        record = json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return _rejection(Reason.NOT_JSON, f"the value is not JSON: {error}")
    if not isinstance(record, dict):
        return _rejection(Reason.WRONG_TYPE, "the value is JSON, but not an object")
    return validate(name, record, now=now) or record


def validate(name: str, record: Mapping[str, Any], *, now: datetime | None = None) -> Rejection | None:
    """Return None for a record that keeps to the schema, else the first reason against it.

    Unknown fields are no reason. With `now` (aware) an event_time or updated_at further ahead of it than
    MAX_FUTURE is one.
    """
    required, properties = _rules(name)
    missing = [field for field in required if field not in record]
    if missing:
        return _rejection(Reason.MISSING_FIELD, f"{', '.join(missing)} must be there")
    for field, rule in properties.items():
        if field in record and (rejection := _judge(field, record[field], rule)):
            return rejection
    if now is not None:
        for field in ("event_time", "updated_at"):
            if field in properties and (rejection := _judge_future(field, record[field], now)):
                return rejection
    return None


def judge_field(name: str, field: str, value: object) -> Rejection | None:
    """Return None for a value that a field of the schema may have, else the reason against it."""
    return _judge(field, value, _rules(name)[1][field])


def longest_text(field: str, rule: Mapping[str, Any]) -> int | None:
    """Return how many characters a field's text may have, None for any number."""
    length: int | None = rule.get("maxLength")
    return MAX_ID_LENGTH if length is None and field.endswith("_id") else length


def unknown_fields(name: str, record: Mapping[str, Any]) -> list[str]:
    """Return the record's fields that the schema does not know: to be ignored and counted."""
    properties = _rules(name)[1]
    return [field for field in record if field not in properties]


@cache
def _rules(name: str) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
    document = load(name)
    return tuple(document["required"]), document["properties"]


def _judge(field: str, value: object, rule: dict[str, Any]) -> Rejection | None:
    if not _has_type(value, rule["type"]):
        shown = "null" if value is None else _shown(value)
        return _rejection(Reason.WRONG_TYPE, f"{field} must be {_TYPE_NAMES[rule['type']]}, not {shown}")
    match value:
        case str():
            return _judge_text(field, value, rule)
        case dict():
            return _judge_map(field, value, rule)
        case bool():
            return None
        case int() | float():
            return _judge_number(field, value, rule)
    raise AssertionError(f"{field}: the schema has a type that is not judged: {rule['type']}")


def _has_type(value: object, expected: str) -> bool:
    match expected:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, dict)


def _judge_text(field: str, value: str, rule: dict[str, Any]) -> Rejection | None:
    if "enum" in rule and value not in rule["enum"]:
        return _bad_value(field, value, f"one of {', '.join(rule['enum'])}")
    if "pattern" in rule and not _pattern(rule["pattern"]).fullmatch(value):
        return _bad_value(field, value, f"like {rule['pattern']}")
    longest = longest_text(field, rule)
    if longest is not None and len(value) > longest:
        return _bad_value(field, value, f"at most {longest} characters long")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return _bad_value(field, value, "text that UTF-8 can hold")
    try:
        if rule.get("format") == "date-time":
            times.to_epoch_ms(value)
        elif rule.get("format") == "date":
            date.fromisoformat(value)
    except ValueError:
        return _bad_value(field, value, "a date that exists")
    return None


def _judge_number(field: str, value: float, rule: dict[str, Any]) -> Rejection | None:
    # Written so that NaN, which compares as false with everything, is refused too.
    for limit, kept in (
        ("minimum", value >= rule.get("minimum", value)),
        ("maximum", value <= rule.get("maximum", value)),
    ):
        if not kept:
            reason = _LIMIT_REASONS.get((field, limit), Reason.BAD_VALUE)
            bound = "at least" if limit == "minimum" else "at most"
            return _rejection(reason, f"{field} is {_shown(value)}; it must be {bound} {rule[limit]}")
    return None


def _judge_map(field: str, value: dict[str, object], rule: dict[str, Any]) -> Rejection | None:
    if len(value) > rule["maxProperties"]:
        return _rejection(Reason.BAD_VALUE, f"{field} has more than {rule['maxProperties']} entries")
    for name, entry in value.items():
        rejection = _judge_text(f"a name in {field}", name, rule["propertyNames"])
        rejection = rejection or _judge(f"{field}.{name}", entry, rule["additionalProperties"])
        if rejection:
            return rejection
    return None


def _judge_future(field: str, moment: str, now: datetime) -> Rejection | None:
    if times.to_epoch_ms(moment) <= times.epoch_ms(now + MAX_FUTURE):
        return None
    minutes = MAX_FUTURE.total_seconds() / 60
    clock = times.to_text(times.epoch_ms(now))
    return _rejection(
        Reason.FUTURE_TIME, f"{field} {moment} is more than {minutes:g} minutes ahead of {clock}"
    )


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _bad_value(field: str, value: object, expected: str) -> Rejection:
    return _rejection(Reason.BAD_VALUE, f"{field} is {_shown(value)}; it must be {expected}")


def _rejection(reason: Reason, sentence: str) -> Rejection:
    return Rejection(f"{reason}: {sentence}")


def _shown(value: object) -> str:
    """Show a value as plain short ASCII, so that a hostile one cannot hurt a log, a header or a column."""
    try:
        shown = ascii(value)
    except ValueError:  # an integer of more digits than Python agrees to print
        return f"a value of type {type(value).__name__}"
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
