"""The contract's two notations of fixed length, UUIDs and moments, read for a whole column at once.

Both say for each text whether it is one; what stands in the row of one that is not has no meaning.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from music_spark.records.event_schema import TIMESTAMP, UUID

Rows = npt.NDArray[np.bool_]
_Characters = npt.NDArray[np.uint8]

_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_UUID_LENGTH = 36
_HYPHENS = (8, 13, 18, 23)
_DIGITS = [n for n in range(_UUID_LENGTH) if n not in _HYPHENS]
_VERSION, _VARIANT = 12, 16
"""Among the 32 digits."""

_MOMENT = b"0000-00-00T00:00:00.000Z"
_SIGNS = [n for n, character in enumerate(_MOMENT) if character != ord("0")]
_DAYS_BEFORE_MONTH = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_OF_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def uuids(texts: pa.Array) -> tuple[pa.Array, Rows]:
    """UUIDs of version 7 in lower case (text) as 16 bytes, and which texts are one."""
    characters, right = _characters(texts, _UUID_LENGTH)
    digits = _NIBBLES[characters[:, _DIGITS]]
    right &= digits.max(axis=1, initial=0) < 16
    for place in _HYPHENS:
        right &= characters[:, place] == ord("-")
    right &= (digits[:, _VERSION] == 7) & (digits[:, _VARIANT] >> 2 == 0b10)
    content = (digits[:, 0::2] << 4) | digits[:, 1::2]
    return pa.Array.from_buffers(UUID, len(texts), [None, pa.py_buffer(np.ascontiguousarray(content))]), right


def moments(texts: pa.Array) -> tuple[pa.Array, Rows]:
    """Moments in the notation 2026-11-23T18:05:00.250Z as timestamps, and which texts are one."""
    characters, right = _characters(texts, len(_MOMENT))
    for place in _SIGNS:
        right &= characters[:, place] == _MOMENT[place]
    # What is below "0" becomes a large number.
    digits = characters - np.uint8(ord("0"))
    digits[:, _SIGNS] = 0
    right &= digits.max(axis=1, initial=0) < 10

    def number(start: int, length: int) -> npt.NDArray[np.int64]:
        value = digits[:, start].astype(np.int64)
        for place in range(start + 1, start + length):
            value = value * 10 + digits[:, place]
        return value

    year, month, day = number(0, 4), number(5, 2), number(8, 2)
    hour, minute, second = number(11, 2), number(14, 2), number(17, 2)
    # The contract's years are 1970 to 2099: each fourth is a leap year.
    leap = year % 4 == 0
    right &= (year >= 1970) & (year <= 2099) & (month >= 1) & (month <= 12)
    month = np.where(right, month, 1)
    right &= (day >= 1) & (day <= _DAYS_OF_MONTH[month] + (leap & (month == 2)))
    right &= (hour < 24) & (minute < 60) & (second < 60)
    days = (
        (year - 1970) * 365 + (year - 1969) // 4 + _DAYS_BEFORE_MONTH[month] + (leap & (month > 2)) + day - 1
    )
    milliseconds = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + number(20, 3)
    return pa.array(milliseconds * 1000, pa.int64()).cast(TIMESTAMP), right


def _characters(texts: pa.Array, length: int) -> tuple[_Characters, Rows]:
    """The bytes of each text of that length, a row each, and which texts have it."""
    right: Rows = pc.fill_null(pc.equal(pc.binary_length(texts), length), False).to_numpy(
        zero_copy_only=False
    )
    if not right.all():
        texts = pc.if_else(pa.array(right), texts, " " * length)
    _, offsets, content = texts.buffers()
    if not len(texts):
        return np.zeros((0, length), np.uint8), right.copy()
    start = int(np.frombuffer(offsets, np.int32)[texts.offset])
    found = np.frombuffer(content, np.uint8)[start : start + len(texts) * length]
    return found.reshape(len(texts), length), right.copy()
