"""Columns of text: the bytes of many records at a time, joined by Arrow's kernels.

A record is a row over columns; what all records share is a text of its own between them. No Python object is
made for a field, and the interpreter is free while Arrow writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from music_producer.world.dates import DAY_MS, SECOND_MS

Texts: TypeAlias = Any
"""A column of bytes of any length: an array of Arrow's, which has no types to check."""

_NUMBER_DIGITS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = np.array([b"T%02d:%02d:%02d." % (s // 3600, s // 60 % 60, s % 60) for s in range(86_400)])
_MILLISECOND = np.array([b"%03dZ" % ms for ms in range(1_000)])
_MOMENT = np.dtype([("day", "S10"), ("clock", "S10"), ("millisecond", "S4")])


def digits(numbers: NDArray[np.integer]) -> Texts:
    """Return whole numbers as decimal text."""
    return pa.array(numbers).cast(pa.string()).cast(pa.binary())


def padded(numbers: NDArray[np.integer]) -> Texts:
    """Return numbers as ids write them: six digits, or more where they need more."""
    text = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), _NUMBER_DIGITS, "0")
    return text.cast(pa.binary())


def moments(epoch_ms: NDArray[np.int64]) -> Texts:
    """Return milliseconds since 1970 (UTC) in the contract's notation."""
    return of_one_length(moment_rows(epoch_ms))


def moment_rows(epoch_ms: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Return moments (milliseconds since 1970, UTC) in the contract's notation, such as
    2026-11-23T18:05:00.250Z, as NumPy's rows of 24 bytes.
    """
    text = np.empty(len(epoch_ms), dtype=_MOMENT)
    days, in_day = np.divmod(epoch_ms, DAY_MS)
    known, number = np.unique(days, return_inverse=True)
    dates = [(_EPOCH + timedelta(days=day)).date().isoformat().encode() for day in known.tolist()]
    text["day"] = np.array(dates, dtype="S10")[number]
    seconds, milliseconds = np.divmod(in_day, SECOND_MS)
    text["clock"] = _CLOCK[seconds]
    text["millisecond"] = _MILLISECOND[milliseconds]
    return text.view("S24")


def dates(days: NDArray[np.integer]) -> Texts:
    """Return days since 1970 in the contract's notation."""
    return of_one_length(np.datetime_as_string(days.astype("datetime64[D]")).astype("S10"))


def of_one_length(rows: NDArray[np.void] | NDArray[np.bytes_]) -> Texts:
    """Return rows of NumPy that all have as many bytes as their type says."""
    width = rows.dtype.itemsize
    buffers = [None, pa.py_buffer(np.ascontiguousarray(rows))]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), buffers).cast(pa.binary())


def chosen(texts: Texts | Iterable[str], numbers: NDArray[np.integer]) -> Texts:
    """Return the text with each number, counted from 0."""
    return table(texts).take(pa.array(numbers))


def table(texts: Texts | Iterable[str]) -> Texts:
    """Return texts as a column to choose from."""
    if isinstance(texts, pa.Array):
        return texts
    return pa.array([text.encode() for text in texts], pa.binary())


def joined(*parts: Texts | bytes) -> Texts:
    """Return each row's parts put together; bytes are the same in every row."""
    columns = [pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part for part in parts]
    # The last one is what Arrow puts between two parts.
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.binary()))


def either(condition: NDArray[np.bool_], texts: Texts, otherwise: Texts | bytes) -> Texts:
    """Return each row of one column or of the other."""
    if isinstance(otherwise, bytes):
        otherwise = pa.scalar(otherwise, pa.binary())
    return pc.if_else(pa.array(condition), texts, otherwise)


def lengths(texts: Texts) -> NDArray[np.int32]:
    """Return how many bytes each row has."""
    return np.asarray(pc.binary_length(texts))


def in_order(parts: Sequence[Texts], rows: Sequence[NDArray[np.int64]]) -> Texts:
    """Return columns that hold these rows each as the one that holds them all."""
    return pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(rows))))


def strings(texts: Texts) -> pa.StringArray:
    """Return text as Arrow's type for text, as files hold it."""
    return texts.cast(pa.string())
