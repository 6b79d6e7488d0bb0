"""The one engine behind all metric families: facts (Arrow) in, windowed sums and distinct values (Arrow) out.

Pure: the stream calls it with the facts that a batch has just stored, a rebuild with facts read back from
PostgreSQL, so that both give the same figures by construction.
"""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from music_spark.families import MEASURES, Family, Key

TIMESTAMP = pa.timestamp("us", tz="UTC")


def window_start(times: pa.ChunkedArray, length: timedelta) -> pa.ChunkedArray:
    """Start of the window of each time; windows are aligned to the Unix epoch (as Spark's and PostgreSQL's
    date_bin).
    """
    microseconds = length // timedelta(microseconds=1)
    ticks = pc.cast(times, pa.int64())
    # Integer division truncates towards zero: shift times before 1970 down by one window less a tick.
    floor = pc.divide(
        pc.if_else(pc.less(ticks, 0), pc.subtract(ticks, microseconds - 1), ticks), microseconds
    )
    return pc.cast(pc.multiply(floor, microseconds), TIMESTAMP)


def aggregate(facts: pa.Table, family: Family) -> pa.Table:
    """Sum the measures of the facts per window and key of a family.

    Args:
        facts: columns event_time (UTC timestamp), the key, measure and distinct columns that the family
        names.
        family: the declaration to apply.

    Returns:
        One row per (window, key): window_start, window_end, the key columns, the measures (int64), and for
        each distinct count a list column of the values seen.
    """
    starts = window_start(facts["event_time"], family.window)
    if not family.keys:
        return _grouped(facts, starts, family, None)
    return pa.concat_tables(_grouped(facts, starts, family, key) for key in family.keys)


def _grouped(facts: pa.Table, starts: pa.ChunkedArray, family: Family, key: Key | None) -> pa.Table:
    columns = {"window_start": starts}
    if key:
        columns[key.column] = facts[key.source]
    group_by = list(columns)
    aggregations: list[tuple[str, str]] = []
    for measure, source in MEASURES.items():
        columns[f"m_{measure}"] = pc.cast(facts[source], pa.int64()) if source else _ones(len(facts))
        aggregations.append((f"m_{measure}", "sum"))
    for name, source in family.distinct.items():
        columns[f"d_{name}"] = facts[source]
        aggregations.append((f"d_{name}", "distinct"))
    grouped = pa.table(columns).group_by(group_by, use_threads=False).aggregate(aggregations)

    result = {
        "window_start": grouped["window_start"],
        "window_end": pc.add(grouped["window_start"], pa.scalar(family.window, pa.duration("us"))),
    }
    if key:
        for name, value in key.constants.items():
            result[name] = pa.chunked_array([pa.repeat(pa.scalar(value), len(grouped))])
        result[key.column] = grouped[key.column]
    result |= {measure: grouped[f"m_{measure}_sum"] for measure in MEASURES}
    result |= {name: grouped[f"d_{name}_distinct"] for name in family.distinct}
    return pa.table(result)


def _ones(count: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(pa.scalar(1, pa.int64()), count)])
