"""The edge to PostgreSQL: a connection that heals, and Arrow tables in by COPY."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import psycopg2
import pyarrow as pa
import pyarrow.csv
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from music_spark.warehouse.binary_copy import encoded

log = logging.getLogger(__name__)

_BYTES_PER_MESSAGE = 256 * 1024

Result = TypeVar("Result")

WRITER_LOCK = 0x6D75736963
"""Key of the advisory lock ("music" in ASCII) that the one writing job holds for as long as its session
lasts.
"""

Unreachable = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""What psycopg2 raises when the server is away, restarts, or has no room on its disk."""


class WriterIsActive(Exception):
    """Another job holds the writer's lock."""


class _StagingCursor(Cursor):  # type: ignore[misc]
    """The cursor of a transaction, which knows the staging tables that it has filled."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.staged: set[str] = set()


class Writer:
    """The one connection that writes the warehouse: it holds the writer's lock, or it is not open.

    Lost with the server's restart, it is opened again by the next transaction. `on_connect` runs after each
    opening. Transactions of several threads follow each other.
    """

    def __init__(self, dsn: str, on_connect: Callable[[Cursor], None]) -> None:
        self._dsn = dsn
        self._on_connect = on_connect
        self._connection: Connection | None = None
        self._turn = threading.Lock()

    def transaction(self, work: Callable[[Cursor], Result]) -> Result:
        """Run `work` in one transaction: all of it is committed, or none.

        Raises:
            psycopg2.OperationalError or InterfaceError: the server is away; nothing is known of a commit
            under way,
                so `work` must find out for itself when it is called again.
            WriterIsActive: another job writes.
        """
        with self._turn:
            try:
                connection = self._connection or self._open()
                with connection, connection.cursor(cursor_factory=_StagingCursor) as cursor:
                    return work(cursor)
            except Unreachable:
                self.close()
                raise

    def _open(self) -> Connection:
        connection = psycopg2.connect(self._dsn, application_name="music-stream", connect_timeout=10)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [WRITER_LOCK])
                if not _one(cursor):
                    raise WriterIsActive(
                        "another stream job writes to this warehouse; this one waits for its end"
                    )
                self._on_connect(cursor)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def close(self) -> None:
        """Close the connection, which releases the lock; a transaction under way is rolled back."""
        if self._connection:
            self._connection.close()
        self._connection = None


def _one(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row[0]


def fetch_value(cursor: Cursor, statement: str, parameters: Iterable[object] = ()) -> Any:
    """The first column of the first row."""
    cursor.execute(statement, list(parameters))
    return _one(cursor)


def copy_binary(cursor: Cursor, table: str, rows: pa.Table) -> None:
    """COPY an Arrow table into the columns of the same names; their types are those of `encoded`."""
    if not len(rows):
        return
    columns, pieces = encoded(rows)
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    cursor.copy_expert(statement, _Pieces(pieces), _BYTES_PER_MESSAGE)


def stage(cursor: Cursor, table: str, rows: pa.Table) -> None:
    """Make an Arrow table the content of a temporary table of a Writer's session, by COPY.

    The table empties itself when a transaction ends; only what the same transaction staged before has to be
    removed, so that a usual batch is spared that question.
    """
    assert isinstance(cursor, _StagingCursor)
    if table in cursor.staged:
        cursor.execute(f"DELETE FROM {table}")
    cursor.staged.add(table)
    copy_binary(cursor, table, rows)


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file that is read, as COPY wants it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = memoryview(piece)
        taken = self._left[:size]
        self._left = self._left[size:]
        return bytes(taken)


def copy_in(cursor: Cursor, table: str, rows: pa.Table) -> None:
    """COPY an Arrow table into the columns of the same names, as text that PostgreSQL reads as their types:
    for what comes in the contract's notation and is not many; binary columns go as bytea.
    """
    if not len(rows):
        return
    buffer = io.BytesIO()
    # The CSV writer fills in rubbish for a chunk without rows (apache/arrow issue 36889).
    rows = rows.combine_chunks()
    for index, field in enumerate(rows.schema):
        if pa.types.is_binary(field.type):
            rows = rows.set_column(index, field.name, _as_hex(rows[field.name]))
    pa.csv.write_csv(rows, buffer, pa.csv.WriteOptions(include_header=False))
    buffer.seek(0)
    columns = ", ".join(rows.column_names)
    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)", buffer)


def _as_hex(column: pa.ChunkedArray) -> pa.Array:
    return pa.array(
        [None if value is None else "\\x" + value.hex() for value in column.to_pylist()], pa.string()
    )


def copy_out(cursor: Cursor, query: str, schema: pa.Schema) -> pa.Table:
    """The rows of a query (without parameters) as an Arrow table of the given schema, by COPY."""
    buffer = io.BytesIO()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT csv)", buffer)
    buffer.seek(0)
    if not buffer.getbuffer().nbytes:
        return schema.empty_table()
    # PostgreSQL writes booleans as t and f, and times with +00 behind them.
    convert = pa.csv.ConvertOptions(
        column_types=schema,
        true_values=["t"],
        false_values=["f"],
        # Only nothing at all: a genre may well be called null or NA.
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    return pa.csv.read_csv(buffer, pa.csv.ReadOptions(column_names=schema.names), convert_options=convert)
