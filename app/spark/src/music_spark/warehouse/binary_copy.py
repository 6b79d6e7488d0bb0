"""Arrow tables in PostgreSQL's binary COPY format, whole columns at a time.

The format (PostgreSQL's documentation, COPY, "Binary Format"): a header; per row the number of fields and,
per field, its length and its value in network byte order; a trailer. The server reads it in half the time
that CSV takes: nothing is text that has to be parsed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ROWS_PER_PIECE = 8_000
"""Facts of so many rows are 3 MB: they stay in the processor's cache, in memory that is used again. Pieces of
50,000 rows took half as much time again.
"""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"

# PostgreSQL counts from here, Arrow from 1970.
_POSTGRES_EPOCH_DAYS = 10_957
_POSTGRES_EPOCH_US = _POSTGRES_EPOCH_DAYS * 86_400 * 1_000_000


def encoded(rows: pa.Table) -> tuple[list[str], Iterator[bytes]]:
    """The columns in the order in which they are written, and the document in pieces.

    Types: booleans, int32 (integer), int64 (bigint), date32, timestamps in microseconds, fixed binaries of 16
    bytes (uuid), texts, and binaries (bytea, or any type whose binary form they hold). ValueError for a null,
    TypeError for any other type.
    """
    fixed = [field.name for field in rows.schema if _width(field.type)]
    variable = [field.name for field in rows.schema if not _width(field.type)]
    return [*fixed, *variable], _pieces(rows.combine_chunks(), fixed, variable)


def json_binary(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """JSON texts as the binary form of jsonb: a version byte, then the text."""
    return pc.binary_join_element_wise(b"\x01", pc.cast(texts, pa.binary()), b"")


def _pieces(rows: pa.Table, fixed: list[str], variable: list[str]) -> Iterator[bytes]:
    yield _HEADER
    for start in range(0, len(rows), ROWS_PER_PIECE):
        yield _piece(rows.slice(start, ROWS_PER_PIECE), fixed, variable)
    yield _TRAILER


def _piece(rows: pa.Table, fixed: list[str], variable: list[str]) -> bytes:
    for name in rows.column_names:
        if rows[name].null_count:
            raise ValueError(f"column {name} has nulls")
    count = len(rows)
    layout: list[tuple[str, str]] = [("fields", ">i2")]
    for name in fixed:
        width = _width(rows.schema.field(name).type)
        layout += [(f"length {name}", ">i4"), (name, f"V{width}" if width == 16 else f">i{width}")]
    block = np.zeros(count, np.dtype(layout))
    block["fields"] = len(fixed) + len(variable)
    for name in fixed:
        values = _numbers(rows[name].combine_chunks())
        block[f"length {name}"] = values.dtype.itemsize
        block[name] = values
    parts: list[pa.Array] = [_as_binary(block)]
    for name in variable:
        values = pc.cast(rows[name].combine_chunks(), pa.binary())
        parts += [_as_binary(pc.binary_length(values).to_numpy().astype(">i4")), values]
    joined = pc.binary_join_element_wise(*parts, b"")
    content = joined.buffers()[2]
    return content.to_pybytes() if content is not None else b""


def _width(kind: pa.DataType) -> int:
    """The bytes of a value of a type; 0 where they differ from value to value."""
    if pa.types.is_boolean(kind):
        return 1
    if kind in (pa.int32(), pa.date32()):
        return 4
    if kind == pa.int64() or (pa.types.is_timestamp(kind) and kind.unit == "us"):
        return 8
    if kind == pa.binary(16):
        return 16
    if kind in (pa.string(), pa.binary()):
        return 0
    raise TypeError(f"{kind} has no binary form here")


def _numbers(column: pa.Array) -> npt.NDArray[np.generic]:
    """The values as PostgreSQL counts them."""
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), np.int8)
    if column.type == pa.binary(16):
        content = np.frombuffer(column.buffers()[1], "V16")
        return content[column.offset : column.offset + len(column)]
    if pa.types.is_date32(column.type):
        return np.asarray(column.cast(pa.int32()).to_numpy()) - np.int32(_POSTGRES_EPOCH_DAYS)
    if pa.types.is_timestamp(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy()) - _POSTGRES_EPOCH_US
    return np.asarray(column.to_numpy())


def _as_binary(values: npt.NDArray[np.generic]) -> pa.Array:
    """An array's items as bytes, one binary each."""
    width = values.dtype.itemsize
    ends = pa.py_buffer(np.arange(0, (len(values) + 1) * width, width, dtype=np.int32))
    return pa.Array.from_buffers(
        pa.binary(), len(values), [None, ends, pa.py_buffer(np.ascontiguousarray(values))]
    )
