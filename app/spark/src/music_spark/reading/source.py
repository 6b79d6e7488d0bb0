"""The edge to Kafka on the way in: all topics as one stream of parsed records."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from functools import cache

import orjson
import pyarrow as pa
from music_contract import connection
from music_contract.schemas import SUBJECTS
from music_contract.wire import PREFIX_BYTES
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from music_spark.records import parsing

TOPICS = tuple(SUBJECTS)

_RECORDS_PER_POLL = 20_000
_BYTES_PER_FETCH = 8 * 2**20
_FETCH_WAIT_MS = 1
"""Spark reads offsets that exist, so no fetch has to wait for records. Kafka's 500 ms cost a batch much: the
client fetches ahead, and the broker answers the question after a partition's ends, on the same connection,
only when that fetch is answered.
"""

StartingOffsets = dict[str, dict[str, int]]
"""Topic -> partition (as text) -> first offset to read."""


def read_topics(
    spark: SparkSession, bootstrap_servers: str, starting: StartingOffsets, max_offsets_per_batch: int
) -> DataFrame:
    """The stream of raw records of all topics (Kafka source's columns), from the given offsets on."""
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap_servers)
        .options(**{f"kafka.{name}": value for name, value in connection.for_java().items()})
        .option("subscribe", ",".join(TOPICS))
        .option("startingOffsets", orjson.dumps(starting).decode())
        .option("maxOffsetsPerTrigger", max_offsets_per_batch)
        # Spark asks the broker for a partition's ends after every poll: with Kafka's 500 records a poll that
        # is most of the time of reading.
        .option("kafka.max.poll.records", _RECORDS_PER_POLL)
        .option("kafka.max.partition.fetch.bytes", _BYTES_PER_FETCH)
        .option("kafka.fetch.max.wait.ms", _FETCH_WAIT_MS)
        # Records that retention removed before we read them stop the query; its restart counts and reports
        # them.
        .option("failOnDataLoss", "true")
        .load()
    )


def parse(records: DataFrame, event_schema_ids: Collection[int], tasks: int) -> DataFrame:
    """Parse the records where they are read, in that many tasks; `collect` brings them to the driver.

    Returns:
        A row per slice of records: the table that parsing.parse makes of it, as a document of Arrow's stream
        format. So the way to the driver costs next to nothing per record: Spark moves a few large cells.
    """
    size = F.coalesce(F.length("key"), F.lit(0)) + F.coalesce(F.length("value"), F.lit(0))
    cut = records.select(
        "topic",
        "partition",
        "offset",
        "timestamp",
        F.when(size <= parsing.INLINE_BYTES, F.col("key")).alias("key"),
        F.when(F.length("value") <= parsing.PLAIN_BYTES, F.col("value")).alias("value"),
        F.substring("value", 1, PREFIX_BYTES).alias("prefix"),
        F.length("value").cast("long").alias("value_bytes"),
        size.cast("long").alias("record_bytes"),
    )
    known = frozenset(event_schema_ids)

    def parsed(slices: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        _keep_what_is_loaded()
        for piece in slices:
            yield pa.RecordBatch.from_arrays([_document(parsing.parse(piece, known))], ["records"])

    return cut.coalesce(tasks).mapInArrow(parsed, "records binary")


@cache
def _keep_what_is_loaded() -> None:
    """Let the collector of cycles pass over the modules of this worker process: pyspark calls it after every
    task, and looking through them took longer than the parsing of a small batch.
    """
    gc.freeze()


def collect(parsed: DataFrame) -> pa.Table:
    """The records of a batch, on the driver: the columns of parsing.parse, or none where there are none."""
    cells = parsed.toArrow()["records"]
    if not len(cells):
        return pa.table({})
    return pa.concat_tables(pa.ipc.open_stream(cell.as_buffer()).read_all() for cell in cells)


def _document(table: pa.Table) -> pa.Array:
    """One cell of bytes: the table in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content = sink.getvalue()
    ends = pa.array([0, content.size], pa.int32()).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), 1, [None, ends, content])
