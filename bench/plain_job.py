"""The reference: the plain design that a first version has, in Spark's usual means, run by bench.reference.

    python -m bench.plain_job stream|read-parse TOPIC_EVENTS LIMIT_S
    python -m bench.plain_job pass-on TRIGGER TOPIC

`stream`: six streaming queries, facts and five metric families, each reads and parses the topic, and each
batch is appended to a table of the schema "reference" by JDBC. The windows and the watermark are those of the
pipeline. No deduplication, no dead letters, no dimensions, no indexes, nothing exactly once: it does less.

`read-parse`: Spark's own reading and from_json of the whole topic, twice, into nothing.

`pass-on`: each event is read, parsed and written to another topic with the moment when it was appended to its
own, without end, by the trigger "real-time" or "micro-batch" (bench.real_time asks for it).

The first two write one JSON document to standard output, behind DOCUMENT. Settings: BENCH_BOOTSTRAP_SERVERS,
BENCH_JDBC_URL (with user and password), BENCH_CHECKPOINTS.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from music_contract import schemas
from music_contract.topics import STREAM_EVENTS
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.types import BooleanType, DataType, LongType, MapType, StringType, StructField, StructType

DOCUMENT = "result: "
"""Before the document, in a line of standard output."""
WATERMARK_DELAY = "10 minutes"
_TYPES: dict[str, DataType] = {
    "string": StringType(),
    "integer": LongType(),
    "boolean": BooleanType(),
    "object": MapType(StringType(), StringType()),
}
_RECORDS_PER_BATCH = 100_000
_LOOK_EVERY_S = 0.25
PATIENCE = 4
"""So many times the limit for a query that has not got as far as `_BATCHES_COMPARED`."""
_BATCHES_COMPARED = 2
"""The first one warms up, and the next shows what the design does then."""
_faults: list[str] = []
"""What appends said that failed: Spark searches what Python says for causes, and may be lost in it."""


def main() -> None:
    """Run one of the three; print what the first two took."""
    mode = sys.argv[1]
    spark = SparkSession.builder.appName("reference").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    if mode == "pass-on":
        _pass_on(spark, sys.argv[2], sys.argv[3]).awaitTermination()
        return
    events, limit_s = int(sys.argv[2]), float(sys.argv[3])
    result = _stream(spark, events, limit_s) if mode == "stream" else _read_parse(spark, events)
    gateway = spark.sparkContext._gateway
    jvm = gateway.proc.pid if gateway else os.getpid()
    used = sum(map(_cpu_seconds, {os.getpid(), jvm}))
    print(f"\n{DOCUMENT}{json.dumps({**result, 'driver_cpu_seconds': used})}", flush=True)
    for query in spark.streams.active:
        query.stop()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _events(kafka: DataFrame) -> DataFrame:
    events = kafka.select(_event().alias("e")).select("e.*")
    for name, rule in schemas.fields("stream-event").items():
        if rule.get("format") == "date-time":
            events = events.withColumn(name, F.to_timestamp(name))
    return events.withColumn("experiments", F.to_json("experiments"))


def _event() -> Column:
    fields = schemas.fields("stream-event")
    schema = StructType([StructField(name, _TYPES[rule["type"]]) for name, rule in fields.items()])
    return F.from_json(F.expr("cast(substring(value, 6) AS string)"), schema)


def _read_parse(spark: SparkSession, events: int) -> dict[str, float]:
    rates = []
    for _ in range(2):
        began = time.monotonic()
        kafka = spark.read.format("kafka").option("subscribe", STREAM_EVENTS)
        kafka = kafka.option("kafka.bootstrap.servers", os.environ["BENCH_BOOTSTRAP_SERVERS"])
        events_read = _events(kafka.option("startingOffsets", "earliest").load())
        events_read.write.format("noop").mode("overwrite").save()
        rates.append(events / (time.monotonic() - began))
    return {"first_events_per_s": rates[0], "second_events_per_s": rates[1]}


def _pass_on(spark: SparkSession, trigger: str, topic: str) -> StreamingQuery:
    kafka = spark.readStream.format("kafka").option("subscribe", STREAM_EVENTS)
    kafka = kafka.option("kafka.bootstrap.servers", os.environ["BENCH_BOOTSTRAP_SERVERS"])
    # As the stream job: a micro-batch reads what is there and waits for nothing.
    kafka = kafka.option("kafka.fetch.max.wait.ms", 1 if trigger == "micro-batch" else 500)
    records = kafka.option("startingOffsets", "latest").load()
    appended_at = F.unix_micros("timestamp").alias("appended_at_us")
    value = F.to_json(F.struct(_event()["event_id"].alias("event_id"), appended_at)).alias("value")
    writer = records.select(value).writeStream.format("kafka").option("topic", topic)
    writer = writer.option("kafka.bootstrap.servers", os.environ["BENCH_BOOTSTRAP_SERVERS"])
    writer = writer.option("checkpointLocation", os.environ["BENCH_CHECKPOINTS"]).outputMode("update")
    if trigger == "real-time":
        return writer.trigger(realTime="5 minutes").start()
    return writer.trigger(processingTime="0 seconds").start()


def _stream(spark: SparkSession, events: int, limit_s: float) -> dict[str, object]:
    """Run the queries until each has taken so many events, or for the limit; for longer where one has not
    finished its second batch by then.

    Returns:
        batches: table -> of each whole batch, the events taken until its end and the seconds since the start.
    """
    began = time.monotonic()
    queries = {name: _start(frame, name) for name, frame in _tables(spark).items()}
    rows: dict[str, dict[int, int]] = {name: {} for name in queries}
    batches: dict[str, list[tuple[int, float]]] = {name: [] for name in queries}

    def is_over() -> bool:
        passed = time.monotonic() - began
        if all(done and done[-1][0] >= events for done in batches.values()):
            return True
        enough = min(map(len, batches.values())) >= _BATCHES_COMPARED
        return passed > (limit_s if enough else PATIENCE * limit_s)

    while not is_over():
        for name, query in queries.items():
            for progress in query.recentProgress:
                rows[name][progress.batchId] = progress.numInputRows
            taken, done = sum(rows[name].values()), batches[name]
            if taken > (done[-1][0] if done else 0):
                done.append((taken, time.monotonic() - began))
            if _faults or not query.isActive:
                raise RuntimeError(f"the query {name} has ended: {_faults or query.exception()}")
        time.sleep(_LOOK_EVERY_S)
    return {"batches": batches}


def _start(frame: DataFrame, table: str) -> StreamingQuery:
    return (
        frame.writeStream.queryName(table)
        .outputMode("append" if table == "stream_events" else "update")
        .foreachBatch(_appender(table))
        .option("checkpointLocation", f"{os.environ['BENCH_CHECKPOINTS']}/{table}")
        .start()
    )


def _appender(table: str) -> Callable[[DataFrame, int], None]:
    def append(frame: DataFrame, _batch_id: int) -> None:
        options = {"driver": "org.postgresql.Driver", "reWriteBatchedInserts": "true", "batchsize": "5000"}
        try:
            frame.write.jdbc(os.environ["BENCH_JDBC_URL"], f"reference.{table}", "append", options)
        except Exception as fault:
            _faults.append(f"{table}: {fault}")
            raise

    return append


def _tables(spark: SparkSession) -> dict[str, DataFrame]:
    kafka = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", os.environ["BENCH_BOOTSTRAP_SERVERS"])
        .option("subscribe", STREAM_EVENTS)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", _RECORDS_PER_BATCH)
        .load()
    )
    events = _events(kafka).withWatermark("event_time", WATERMARK_DELAY)
    kinds = F.explode(
        F.array(
            *(
                F.struct(F.lit(kind).alias("content_type"), F.col(f"{kind}_id").alias("content_id"))
                for kind in ("song", "artist", "album")
            ),
            F.struct(F.lit("genre").alias("content_type"), F.lit("unknown").alias("content_id")),
        )
    )
    content = events.withColumn("content", kinds).select("*", "content.*")
    return {
        "stream_events": events,
        "user_engagement": _windows(events, "1 hour", ["user_id"], ["song_id"]),
        "content_performance": _windows(content, "5 minutes", ["content_type", "content_id"], ["user_id"]),
        "device": _windows(events, "1 minute", ["device_id"], []),
        "location": _windows(events, "1 minute", ["location_id"], ["user_id", "song_id"]),
        "hourly": _windows(events, "1 hour", [], ["user_id", "song_id"]),
    }


def _windows(events: DataFrame, length: str, keys: list[str], distinct: list[str]) -> DataFrame:
    measures: list[Column] = [
        F.count("*").alias("plays"),
        F.sum((F.col("ms_played") >= 30_000).cast("long")).alias("streams"),
        F.sum((F.col("ms_played") >= 0.9 * F.col("song_duration_ms")).cast("long")).alias("completed"),
        *(F.sum(F.col(name).cast("long")).alias(name) for name in ("skipped", "liked", "added_to_playlist")),
        F.sum("ms_played").alias("ms_played"),
        *(F.approx_count_distinct(name).alias(f"distinct_{name}") for name in distinct),
    ]
    grouped = events.groupBy(F.window("event_time", length).alias("w"), *keys).agg(*measures)
    return grouped.select(
        F.col("w.start").alias("window_start"), F.col("w.end").alias("window_end"), "*"
    ).drop("w")


if __name__ == "__main__":
    main()
