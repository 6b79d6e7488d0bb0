"""A batch cut into portions that fit into memory: Spark bounds a batch by records, and a record may have a
megabyte.

Each portion becomes a transaction of its own. It holds, of every partition, the records that follow those of
the portion before it, so that the positions move on without a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from music_spark.reading.rereading import Content, Place

MOST_BYTES = 33_554_432
"""Keys and values of a portion's records that are no plain events. While they are judged and written they
are in memory several times.
"""

_OVERHEAD_BYTES = 1024
"""What a record costs that is judged one by one, beside its bytes."""

Numbers = npt.NDArray[np.int64]


def split(batch: pa.Table, most_bytes: int = MOST_BYTES) -> Iterator[pa.Table]:
    """The batch (columns of source.parse) as it is when it is small, else its records in portions."""
    weights = _weights(batch)
    if weights.sum() <= most_bytes:
        yield batch
        return
    order = _by_turns(batch)
    before = np.cumsum(weights[order]) - weights[order]
    bounds = np.flatnonzero(np.diff(before // most_bytes)) + 1
    for indices in np.split(order, bounds):
        yield batch.take(pa.array(indices))


def _weights(batch: pa.Table) -> Numbers:
    lengths = [pc.binary_length(batch[name]) for name in ("key", "value")]
    parts = [pc.fill_null(pc.cast(n, pa.int64()), 0) for n in (*lengths, batch["withheld_bytes"])]
    total = pc.add(pc.add(*parts[:2]), pc.add(parts[2], _OVERHEAD_BYTES))
    return np.asarray(pc.if_else(pc.is_valid(batch["event"]), 0, total).to_numpy(), np.int64)


def _by_turns(batch: pa.Table) -> Numbers:
    """Row numbers: the first record of each partition, then the second of each, and so on, so that partitions
    advance together and none looks late beside the others.
    """
    places = batch.select(["topic", "partition", "offset"])
    by_place = pc.sort_indices(places, [(name, "ascending") for name in places.column_names]).to_numpy()
    keys = [np.unique(places[n].to_numpy(), return_inverse=True)[1] for n in ("topic", "partition")]
    topic, partition = (key[by_place] for key in keys)
    begins = np.concatenate([[True], (np.diff(topic) != 0) | (np.diff(partition) != 0)])
    first = np.flatnonzero(begins)
    turn = np.arange(len(by_place)) - np.repeat(first, np.diff(np.append(first, len(by_place))))
    return np.asarray(by_place[np.argsort(turn, kind="stable")], np.int64)


def withheld(portion: pa.Table) -> list[Place]:
    """The records whose key and value are still in Kafka."""
    rows = portion.filter(pc.is_valid(portion["withheld_bytes"])).select(["topic", "partition", "offset"])
    return [(row["topic"], row["partition"], row["offset"]) for row in rows.to_pylist()]


def with_contents(portion: pa.Table, contents: Mapping[Place, Content]) -> pa.Table:
    """Put in key and value of the records that were withheld; one that is not given stays withheld."""
    if not contents:
        return portion
    names = ("key", "value", "withheld_bytes")
    columns: dict[str, list[Any]] = {name: portion[name].to_pylist() for name in names}
    places = zip(*(portion[name].to_pylist() for name in ("topic", "partition", "offset")), strict=True)
    for row, place in enumerate(places):
        if place in contents:
            columns["key"][row], columns["value"][row] = contents[place]
            columns["withheld_bytes"][row] = None
    for name, values in columns.items():
        index = portion.column_names.index(name)
        portion = portion.set_column(index, name, pa.array(values, portion.schema.field(name).type))
    return portion
