"""What goes into PostgreSQL by binary COPY is what comes out."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg2
import pyarrow as pa
import pytest
from music_spark.records.event_schema import TIMESTAMP
from music_spark.warehouse import binary_copy
from music_spark.warehouse.postgres import copy_binary

from tests.database import Database

pytestmark = pytest.mark.integration

ROWS = [
    {
        "identity": UUID(int=1).bytes,
        "day": date(1969, 7, 20),
        "moment": datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC),
        "small": -(2**31),
        "large": 2**63 - 1,
        "is_true": True,
        "name": "",
        "content": b"\\x00\0\xff",
        "document": '{"a": [1, "é"]}',
    },
    {
        "identity": UUID(int=2**128 - 1).bytes,
        "day": date(2099, 12, 31),
        "moment": datetime(2026, 11, 24, 12, 0, 0, 1, UTC),
        "small": 7,
        "large": -1,
        "is_true": False,
        "name": 'tab\t, comma "quote" \\N and 漢字',
        "content": b"",
        "document": "null",
    },
]
SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("identity", pa.binary(16)),
        ("day", pa.date32()),
        ("moment", TIMESTAMP),
        ("content", pa.binary()),
        ("small", pa.int32()),
        ("large", pa.int64()),
        ("is_true", pa.bool_()),
        ("document", pa.string()),
    ]
)


def copied(dsn: str, rows: pa.Table) -> list[tuple[Any, ...]]:
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute(
            """CREATE TEMPORARY TABLE target (identity uuid, day date, moment timestamptz, small integer,
                   large bigint, is_true boolean, name text, content bytea, document jsonb)"""
        )
        position = rows.column_names.index("document")
        copy_binary(
            cursor,
            "target",
            rows.set_column(position, "document", binary_copy.json_binary(rows["document"])),
        )
        cursor.execute(
            """SELECT replace(identity::text, '-', ''), day, moment, small, large, is_true, name, content,
                   document::text FROM target ORDER BY identity"""
        )
        return [(*row[:7], bytes(row[7]), row[8]) for row in cursor.fetchall()]


def test_every_type_comes_out_as_it_went_in(database: Database) -> None:
    expected = [(row["identity"].hex(), *list(row.values())[1:]) for row in ROWS]  # type: ignore[attr-defined]
    assert copied(database.dsn, pa.Table.from_pylist(ROWS, SCHEMA)) == expected


def test_more_rows_than_a_piece_holds_and_slices_come_whole(database: Database) -> None:
    count = 2 * binary_copy.ROWS_PER_PIECE + 3
    rows = pa.Table.from_pylist(ROWS, SCHEMA).take(pa.array([0] * (count + 10))).slice(5, count)
    assert len(copied(database.dsn, rows)) == count
