"""The one engine behind all metric families: facts (Arrow) in, windowed sums and distinct values (Arrow) out.

Pure: the stream calls it with the facts that a batch has just stored, a rebuild with facts read back from
PostgreSQL, so that both give the same figures by construction.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from music_spark.aggregation.families import MEASURES, Family, Key
from music_spark.records.event_schema import TIMESTAMP

Numbers = npt.NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.uint64)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def aligned(moment: datetime, window: timedelta) -> datetime:
    """The start of the moment's window."""
    return _EPOCH + (moment - _EPOCH) // window * window


def sorted_unique(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The different numbers in their order: sorting is several times as fast as NumPy's own table of them."""
    ordered = np.sort(numbers)
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    found: npt.NDArray[Number] = ordered[is_first]
    return found


class Facts:
    """Facts as numbers: what every family needs of them is made once, when the first one asks for it."""

    def __init__(self, table: pa.Table) -> None:
        """Take facts: columns event_time (UTC timestamp), and the key, measure and distinct columns of the
        families that will ask.
        """
        self._table = table
        self._codes: dict[str, tuple[Numbers, pa.StringArray]] = {}
        self._measures: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._table)

    def windows(self, length: timedelta) -> Numbers:
        """The number of each fact's window, counted from the Unix epoch."""
        microseconds = length // timedelta(microseconds=1)
        times = pc.cast(self._table["event_time"], pa.int64()).to_numpy()
        numbers: Numbers = np.floor_divide(times, microseconds)
        return numbers

    def window_starts(self, length: timedelta) -> pa.TimestampArray:
        """The starts of the windows that the facts are in, in their order."""
        microseconds = length // timedelta(microseconds=1)
        return pa.array(sorted_unique(self.windows(length)) * microseconds, pa.int64()).cast(TIMESTAMP)

    def codes(self, column: str) -> tuple[Numbers, pa.StringArray]:
        """A column of texts as places in the sorted array of its different values."""
        if column not in self._codes:
            encoded = self._table[column].combine_chunks().dictionary_encode()
            order = pc.sort_indices(encoded.dictionary)
            rank = np.empty(len(order), np.int64)
            rank[order.to_numpy()] = np.arange(len(order))
            self._codes[column] = rank[encoded.indices.to_numpy()], encoded.dictionary.take(order)
        return self._codes[column]

    @property
    def measures(self) -> npt.NDArray[np.int64]:
        """A row per fact, a column per entry of MEASURES."""
        if self._measures is None:
            found = np.ones((len(self), len(MEASURES)), np.int64)
            for column, source in enumerate(MEASURES.values()):
                if source:
                    found[:, column] = pc.cast(self._table[source], pa.int64()).to_numpy()
            self._measures = found
        return self._measures


def aggregate(facts: Facts, family: Family) -> pa.Table:
    """Sum the measures of the facts per window and key of a family.

    Returns:
        One row per (window, key), in the order of the table's primary key: window_start, window_end, the key
        columns, the measures (int64), and for each distinct count a list column of the values seen.
    """
    windows = facts.windows(family.window)
    if len(family.keys) < 2:
        return _grouped(facts, windows, family, family.keys[0] if family.keys else None)
    parts = [_grouped(facts, windows, family, key) for key in sorted(family.keys, key=_constants)]
    merged = pa.concat_tables(parts).combine_chunks()
    # Each part is in order already, and the parts follow each other in the order of their constants.
    starts = pc.cast(merged["window_start"], pa.int64()).to_numpy()
    return merged.take(pa.array(np.argsort(starts, kind="stable")))


def _constants(key: Key) -> tuple[str, ...]:
    return tuple(key.constants.values())


def _grouped(facts: Facts, windows: Numbers, family: Family, key: Key | None) -> pa.Table:
    first = int(windows.min()) if len(windows) else 0
    if key:
        codes, names = facts.codes(key.source)
        # Ordered as (window, key) is.
        groups = (windows - first) * len(names) + codes
    else:
        groups = windows - first
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    found = ordered[begins]
    starts = (found // len(names) if key and len(found) else found) + first
    length = pa.scalar(family.window, pa.duration("us"))
    window_start = pa.array(starts * (family.window // timedelta(microseconds=1)), pa.int64()).cast(TIMESTAMP)
    result = {"window_start": window_start, "window_end": pc.add(window_start, length)}
    if key:
        for name, value in key.constants.items():
            result[name] = pa.repeat(pa.scalar(value), len(found))
        result[key.column] = names.take(pa.array(found % len(names) if len(found) else found))
    sums = np.add.reduceat(facts.measures[order], begins) if len(begins) else facts.measures[:0]
    result |= {measure: pa.array(sums[:, column]) for column, measure in enumerate(MEASURES)}
    # The number of each fact's group, in the facts' own order.
    group_of = np.empty(len(groups), np.int64)
    group_of[order] = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(groups)))
    for name, source in family.distinct.items():
        result[name] = _distinct(facts, source, group_of, len(begins))
    return pa.table(result)


def _distinct(facts: Facts, source: str, group_of: Numbers, groups: int) -> pa.ListArray:
    """The different values of a column in each group."""
    codes, names = facts.codes(source)
    pairs = sorted_unique(group_of * max(len(names), 1) + codes)
    group, code = np.divmod(pairs, max(len(names), 1))
    ends = np.cumsum(np.bincount(group, minlength=groups))
    values = pa.DictionaryArray.from_arrays(pa.array(code, pa.int32()), names)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], ends]), pa.int32()), values)
