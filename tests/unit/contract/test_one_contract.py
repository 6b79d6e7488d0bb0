"""A field stands in the contract, in Spark's types, in the tables and in the producers' records, or in none.

Whoever adds one in one place only is told here which of the others lacks it.
"""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from music_contract import schemas
from music_contract.topics import DIMENSIONS
from music_producer.world.world import dimension_records, make_world
from music_spark.records import event_schema, triage
from music_spark.warehouse import dimensions

from tests.histories import SAMPLES, imported
from tests.records import EVENT, event_struct
from tests.unit.producer.simulated import one_by_one

MIGRATIONS = Path(__file__).parents[3] / "sql" / "migrations"
FACTS = "warehouse.stream_events"
TABLES = {name: f"warehouse.{table}" for name, table in dimensions._TABLES.items()}

# What a table has beside the contract's fields: derived, or about where and when the row came from.
DERIVED_OF_FACTS = {
    "event_date", "genre", "is_stream", "is_completed", "kafka_partition", "kafka_offset", "kafka_timestamp",
    "ingested_at",
}  # fmt: skip
BOOKKEEPING = {
    **{table: {"is_inferred"} for table in TABLES.values()},
    TABLES["user"]: {"is_inferred", "user_key", "valid_from", "valid_to", "is_current"},
}
# Optional in an event, and never empty in its row.
FILLED_IN = {"source"}

_CREATE = re.compile(r"CREATE TABLE (\S+) \(\n(.*?)\n\)", re.DOTALL)
_ADD = re.compile(r"ALTER TABLE (\S+)\s+ADD COLUMN (?:IF NOT EXISTS )?(.+?)[,;]", re.DOTALL)
_DROP = re.compile(r"ALTER TABLE (\S+)\s+DROP COLUMN (?:IF EXISTS )?(\w+)")
_COLUMN = re.compile(
    r"\s*([a-z_]+) (text|uuid|date|timestamptz|boolean|bigint|integer|jsonb|double precision)\b(.*)"
)

_COLUMN_TYPES = {
    "string": {"text", "uuid", "date", "timestamptz"},
    "integer": {"integer", "bigint"},
    "number": {"double precision"},
    "boolean": {"boolean"},
    "object": {"jsonb"},
}


@cache
def columns() -> dict[str, dict[str, tuple[str, bool]]]:
    """Table -> column -> type and whether it must be there, as the migrations in their order make them."""
    tables: dict[str, dict[str, tuple[str, bool]]] = defaultdict(dict)
    for path in sorted(MIGRATIONS.glob("*.sql")):
        text = path.read_text("utf-8")
        for table, body in _CREATE.findall(text):
            for line in body.splitlines():
                _take(tables[table], line)
        for table, column in _ADD.findall(text):
            _take(tables[table], column)
        for table, column in _DROP.findall(text):
            tables[table].pop(column, None)
    return tables


def _take(table: dict[str, tuple[str, bool]], text: str) -> None:
    if found := _COLUMN.match(text):
        name, kind, rest = found.groups()
        table[name] = kind, "NOT NULL" in rest or "PRIMARY KEY" in rest


def expected_type(rule: dict[str, Any]) -> set[str]:
    match rule.get("format"):
        case "date-time":
            return {"timestamptz"}
        case "date":
            return {"date"}
    return _COLUMN_TYPES[rule["type"]]


def test_every_field_of_an_event_has_a_column_of_its_type_and_no_column_is_alone() -> None:
    fields, table = schemas.fields(EVENT), columns()[FACTS]
    assert table.keys() - DERIVED_OF_FACTS == fields.keys()
    wrong = {name for name, rule in fields.items() if table[name][0] not in expected_type(rule)}
    assert not wrong
    required = set(schemas.load(EVENT)["required"]) | FILLED_IN
    assert {name for name in fields if table[name][1]} == required, "NOT NULL where the contract requires it"


@pytest.mark.parametrize("name", list(TABLES))
def test_every_field_of_a_dimension_has_a_column_of_its_type_and_no_column_is_alone(name: str) -> None:
    fields, table = schemas.fields(name), columns()[TABLES[name]]
    assert table.keys() - BOOKKEEPING[TABLES[name]] == fields.keys()
    wrong = {
        field: table[field][0] for field in fields if table[field][0] not in expected_type(fields[field])
    }
    assert not wrong


def test_the_stream_types_every_field_of_an_event() -> None:
    fields = schemas.fields(EVENT)
    assert [field.name for field in event_schema.event_type()] == list(fields)
    arrow = triage.event_arrow_schema()
    assert set(arrow.names) - {"partition", "offset", "timestamp"} == fields.keys()
    assert {field.name for field in event_struct()} == fields.keys()
    times = {name for name, rule in fields.items() if rule.get("format") == "date-time"}
    assert {field.name for field in arrow if pa.types.is_timestamp(field.type)} == times | {"timestamp"}


def test_an_import_fills_every_field_of_an_event() -> None:
    for event in imported(SAMPLES / "spotify_extended").events:
        assert event.keys() == schemas.fields(EVENT).keys()


def test_the_made_world_fills_every_field_of_every_dimension() -> None:
    schema_of = {topic.name: schema for schema, topic in DIMENSIONS.items()}
    seen = set()
    for record in one_by_one(dimension_records(make_world(1, 20, 20))):
        schema = schema_of[record.topic]
        assert orjson.loads(record.payload or b"").keys() == schemas.fields(schema).keys(), schema
        seen.add(schema)
    assert seen == DIMENSIONS.keys()
