"""The stream's view of the event contract follows the JSON Schema document."""

from music_contract import schemas
from music_spark.aggregation import families
from music_spark.records import event_schema
from music_spark.settings import Windows
from music_spark.warehouse.metrics import FACT_COLUMNS


def test_an_event_has_exactly_the_contracts_fields() -> None:
    assert [field.name for field in event_schema.event_type()] == list(schemas.fields("stream-event"))


def test_the_moments_are_the_contracts_date_times() -> None:
    assert {"event_time", "started_at", "produced_at"} == event_schema.MOMENTS


def test_every_family_reads_columns_that_aggregation_gets() -> None:
    for family in families.declare(Windows()).values():
        sources = {key.source for key in family.keys} | set(family.distinct.values())
        assert sources <= set(FACT_COLUMNS.names), family.table
