"""What the fields of an export may hold: checked here, with a sentence for each that is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from music_contract import times
from music_contract.rules import MAX_MS_PLAYED

from music_producer.importing.listen import BrokenEntry

FIRST_MS = times.to_epoch_ms("2002-10-01T00:00:00.000Z")
"""Nothing was recorded before: Last.fm's forerunner Audioscrobbler began in autumn 2002, and ListenBrainz
refuses what is older. A clock that was not set says 1970.
"""

_LONGEST_NAME = 300
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_DAY_FIRST = re.compile(r"(\d{1,2}) ([A-Za-z]{3}) (\d{4}),? (\d{1,2}):(\d{2})(?::(\d{2}))?")
_YEAR_FIRST = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")
_LAST_SECOND = 10_000_000_000
"""A larger number counts milliseconds."""


def name(entry: Mapping[str, Any], field: str) -> str | None:
    """Return a name in one line of at most 300 characters; None for none at all."""
    value = entry.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BrokenEntry(f"{field} is no text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BrokenEntry(f"{field} is not UTF-8")
    cleaned = " ".join(_CONTROLS.sub(" ", unicodedata.normalize("NFC", value)).split())
    return cleaned[:_LONGEST_NAME].rstrip() or None


def flag(entry: Mapping[str, Any], field: str) -> bool | None:
    """Return true or false; None when the export does not say."""
    value = entry.get(field)
    if value is None or isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    raise BrokenEntry(f"{field} is neither true nor false")


def whole(entry: Mapping[str, Any], field: str) -> int | None:
    """Return a whole number; None for none."""
    value = entry.get(field)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise BrokenEntry(f"{field} is no whole number")


def played(entry: Mapping[str, Any], field: str) -> int:
    """Return how long it was heard, in milliseconds: from 0 to a day."""
    value = whole(entry, field)
    if value is None:
        raise BrokenEntry(f"{field} is missing")
    if not 0 <= value <= MAX_MS_PLAYED:
        raise BrokenEntry(f"{field} is not between 0 and a day")
    return value


def moment(value: object, field: str) -> int:
    """Read a time as milliseconds since 1970: a number of seconds or milliseconds, or a date in UTC.

    Whether the second is known shows in the text alone: see `tells_seconds`.
    """
    if isinstance(value, str):
        value = value.strip()
        if value.isdecimal() and len(value) < 15:
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        raise BrokenEntry(f"{field} is missing" if value in (None, "") else f"{field} is no time")
    try:
        epoch_ms = _from_text(value) if isinstance(value, str) else _from_number(value)
    except (ValueError, OverflowError):
        raise BrokenEntry(f"{field} is no time") from None
    if epoch_ms < FIRST_MS:
        raise BrokenEntry(f"{field} lies before October 2002, when nothing recorded listens yet")
    return epoch_ms


def tells_seconds(value: object) -> bool:
    """Whether a time that `moment` reads names the second."""
    return not isinstance(value, str) or value.strip().isdecimal() or value.count(":") > 1


def until_now(ended_at_ms: int, now_ms: int) -> int:
    """Return the moment, unless it lies more than a minute ahead."""
    if ended_at_ms > now_ms + 60_000:
        raise BrokenEntry("it ends in the future")
    return ended_at_ms


def _from_number(value: float) -> int:
    return round(value * 1000) if value < _LAST_SECOND else round(value)


def _from_text(value: str) -> int:
    if found := _DAY_FIRST.fullmatch(value):
        day, month, year, hour, minute, second = found.groups(default="0")
        read = datetime(
            int(year), _MONTHS.get(month.lower(), 0), int(day), int(hour),
            int(minute), int(second), tzinfo=UTC,
        )  # fmt: skip
    elif _YEAR_FIRST.fullmatch(value):
        read = datetime.fromisoformat(value)
    else:
        raise ValueError(value)
    return times.epoch_ms(read if read.tzinfo else read.replace(tzinfo=UTC))
