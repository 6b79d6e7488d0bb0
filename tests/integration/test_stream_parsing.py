"""What becomes of a value is what the contract says of it, whatever the value is.

Spark parses most events itself, for speed, and hands on what it doubts: both end as music_contract judges.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from music_contract import schemas, wire
from music_contract.rules import Reason
from music_contract.topics import STREAM_EVENTS
from music_spark.__main__ import SPARK
from music_spark.batches import portions
from music_spark.reading import source
from music_spark.records.triage import Triaged, triage
from pyspark.sql import SparkSession
from pyspark.sql.types import (
    BinaryType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from tests import mutations
from tests.records import APPENDED_AT, EVENT, KNOWN_SCHEMA, USERS, bare, column_values, framed, playback, user

pytestmark = pytest.mark.integration

# The columns of Spark's Kafka source.
KAFKA_SOURCE = StructType(
    [
        StructField("key", BinaryType()),
        StructField("value", BinaryType()),
        StructField("topic", StringType()),
        StructField("partition", IntegerType()),
        StructField("offset", LongType()),
        StructField("timestamp", TimestampType()),
        StructField("timestampType", IntegerType()),
    ]
)
KNOWN = {KNOWN_SCHEMA}
SEED = 20_261_123


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[2]").appName("parsing").config("spark.ui.enabled", "false")
    for name, value in SPARK.items():
        builder = builder.config(name, value)
    with pytest.MonkeyPatch.context() as patch:
        # The workers find this environment's packages.
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = builder.getOrCreate()
        yield session
        session.stop()


def parse(spark: SparkSession, values: list[bytes | None], topic: str = STREAM_EVENTS) -> pa.Table:
    """The values as records 0, 1, 2... of a partition, as the stream's query hands them to a batch."""
    rows = [(b"key", value, topic, 0, offset, APPENDED_AT, 1) for offset, value in enumerate(values)]
    return source.collect(source.parse(spark.createDataFrame(rows, KAFKA_SOURCE), KNOWN, tasks=2))


def with_contents(table: pa.Table, values: list[bytes | None]) -> pa.Table:
    """The table with what was left in Kafka for its length."""
    places = portions.withheld(table)
    return portions.with_contents(table, {place: (b"key", values[place[2]]) for place in places})


def judged(parsed: pa.Table) -> Triaged:
    return triage(parsed, lambda _topic, ids: ids & KNOWN)


def expected(value: bytes | None) -> dict[str, Any] | Reason:
    """What the contract says of a value: the columns of the event, or the reason against it."""
    schema_id, payload = wire.unframe(value or b"")
    if schema_id is not None and schema_id not in KNOWN:
        return Reason.UNKNOWN_SCHEMA
    event = schemas.read(EVENT, payload, now=APPENDED_AT)
    if isinstance(event, schemas.Rejection):
        return event.reason
    return dict(column_values({"source": "simulator", **event}))


@pytest.fixture(scope="module")
def values() -> list[bytes | None]:
    return list(mutations.all_kinds(SEED, events=400, random_values=2_500))


@pytest.fixture(scope="module")
def parsed(spark: SparkSession, values: list[bytes | None]) -> pa.Table:
    return with_contents(parse(spark, values), values)


def test_every_value_has_the_fate_and_the_fields_that_the_contract_gives_it(
    values: list[bytes | None], parsed: pa.Table
) -> None:
    triaged = judged(parsed)
    found: dict[int, dict[str, Any] | str] = {row["offset"]: row for row in triaged.events.to_pylist()}
    found |= {letter.origin.offset: letter.reason for letter in triaged.dead_letters}
    assert len(found) == len(triaged.events) + len(triaged.dead_letters) == len(values)
    wrong = []
    for offset, value in enumerate(values):
        wanted, fate = expected(value), found[offset]
        if isinstance(fate, dict) and isinstance(wanted, dict):
            fate = {name: fate[name] for name in wanted}
        if fate != wanted:
            wrong.append((value[:1200] if value else value, wanted, fate))
    accepted = sum(isinstance(fate, dict) for fate in found.values())
    print(
        f"{len(values)} values: {accepted} events, {len(values) - accepted} dead letters, {len(wrong)} wrong"
    )
    assert not wrong, "\n".join(str(case) for case in wrong[:20])


def test_every_reason_occurs_among_the_values(values: list[bytes | None]) -> None:
    assert {fate for fate in map(expected, values) if isinstance(fate, Reason)} == (
        set(Reason) - {Reason.GONE, Reason.NOT_STORABLE}
    )


def test_events_without_surprises_take_the_fast_path(spark: SparkSession) -> None:
    events = [value for number in range(50) for value in (bare(playback(number)), framed(playback(number)))]
    events += [framed(playback(number, source="import")) for number in range(50)]
    assert parse(spark, events)["event"].null_count == 0


def test_what_the_fast_path_parsed_is_not_carried_a_second_time(spark: SparkSession) -> None:
    row = parse(spark, [framed(playback())]).to_pylist()[0]
    assert row["event"] is not None
    assert row["key"] is None
    assert row["value"] is None
    assert row["value_bytes"] == len(framed(playback()))


def test_a_dead_letter_has_its_key_and_the_value_as_it_came(
    values: list[bytes | None], parsed: pa.Table
) -> None:
    for letter in judged(parsed).dead_letters:
        value = values[letter.origin.offset]
        assert letter.key == b"key"
        assert letter.value_bytes == len(value or b"")
        assert letter.value == value


def test_a_long_record_stays_in_kafka_and_a_batch_has_its_length_only(spark: SparkSession) -> None:
    rubbish = [b"x" * 1021, b"x" * 1022, b"x" * 1_000_000]
    rows = parse(spark, rubbish).to_pylist()
    assert [row["value"] for row in rows] == [rubbish[0], None, None]
    assert [row["withheld_bytes"] for row in rows] == [None, 1025, 1_000_003]
    assert [row["value_bytes"] for row in rows] == [1021, 1022, 1_000_000]


def test_dimension_records_come_as_they_are(spark: SparkSession) -> None:
    values = [framed(user()), bare(user()), None, b"rubbish"]
    table = parse(spark, values, USERS)
    assert table["event"].null_count == len(values)
    assert table["value"].to_pylist() == values
    assert table["schema_id"].to_pylist() == [KNOWN_SCHEMA, None, None, None]
    triaged = judged(table)
    assert triaged.dimensions == {"user": [user(), user()]}
    assert [origin.offset for origin in triaged.deletions] == [2]
    assert [letter.reason for letter in triaged.dead_letters] == [Reason.NOT_JSON]
