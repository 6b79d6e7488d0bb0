"""The edge to Kafka on the way in: all topics as one stream of parsed records."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from music_contract.rules import MAX_VALUE_BYTES
from music_contract.schemas import SUBJECTS
from music_contract.topics import STREAM_EVENTS
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from music_spark import event_schema

TOPICS = tuple(SUBJECTS)
_PREFIX_BYTES = 5
_KEPT_BYTES = MAX_VALUE_BYTES + _PREFIX_BYTES + 1
"""One byte more than a record may have, so that a cut value is still seen to be too large."""

StartingOffsets = dict[str, dict[str, int]]
"""Topic -> partition (as text) -> first offset to read."""


def read_topics(
    spark: SparkSession, bootstrap_servers: str, starting: StartingOffsets, max_offsets_per_batch: int
) -> DataFrame:
    """The stream of raw records of all topics (Kafka source's columns), from the given offsets on."""
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .option("subscribe", ",".join(TOPICS))
        .option("startingOffsets", orjson.dumps(starting).decode())
        .option("maxOffsetsPerTrigger", max_offsets_per_batch)
        # Records that retention removed before we read them stop the query; its restart counts and reports
        # them.
        .option("failOnDataLoss", "true")
        .load()
    )


def parse(records: DataFrame, event_schema_ids: Collection[int]) -> DataFrame:
    """Take records apart and parse events.

    Args:
        records: the Kafka source's columns.
        event_schema_ids: the schemas of the event topic that the registry is known to have. An event of any
        other
            comes whole, so that it can become a dead letter as it came.

    Returns:
        topic, partition, offset, timestamp (when the broker appended it), schema_id (null for bare JSON) and
        either event (struct; its times as timestamps) for an event that surely keeps to the contract, or key,
        value (cut after what a record may have) and value_bytes (its full length) for all that wants a closer
        look: dimensions, doubtful events, rubbish.
    """
    framed = (F.length("value") >= _PREFIX_BYTES) & (F.substring(F.col("value"), 1, 1) == F.lit(b"\x00"))
    # The four bytes after the magic byte, big-endian.
    schema_id = F.conv(F.hex(F.substring(F.col("value"), 2, 4)), 16, 10).cast("long")
    of_known_schema = ~framed | schema_id.isin(*event_schema_ids)
    readable = (F.col("topic") == STREAM_EVENTS) & (F.length("value") <= MAX_VALUE_BYTES) & of_known_schema
    payload = F.when(framed, F.expr(f"substring(value, {_PREFIX_BYTES + 1})")).otherwise(F.col("value"))
    parsed = records.select(
        "topic",
        "partition",
        "offset",
        "timestamp",
        "key",
        "value",
        F.when(framed, schema_id).alias("schema_id"),
        F.when(readable, payload.cast("string")).alias("payload"),
    ).withColumn("event", F.from_json("payload", event_schema.struct_type(), event_schema.JSON_OPTIONS))
    plain = event_schema.is_plain(F.col("event"), F.col("payload"), F.col("timestamp"))
    parsed = parsed.withColumn("plain", F.coalesce(F.col("event").isNotNull() & plain, F.lit(False)))
    return parsed.select(
        "topic",
        "partition",
        "offset",
        "timestamp",
        "schema_id",
        F.when(F.col("plain"), _typed_event()).alias("event"),
        F.when(~F.col("plain"), F.col("key")).alias("key"),
        F.when(~F.col("plain"), F.substring(F.col("value"), 1, _KEPT_BYTES)).alias("value"),
        F.length("value").cast("long").alias("value_bytes"),
    )


def _typed_event() -> Column:
    moments = event_schema.times()
    return F.struct(
        *(
            F.to_timestamp(F.col("event")[name]).alias(name)
            if name in moments
            else F.col("event")[name].alias(name)
            for name in event_schema.struct_type().names
            if name != "experiments"
        ),
        F.to_json(F.col("event")["experiments"]).alias("experiments"),
    )
