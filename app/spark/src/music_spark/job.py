"""The job around the query: starts it where PostgreSQL left off, and again when it ends by a fault."""

from __future__ import annotations

import logging
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg2
from confluent_kafka import KafkaException
from music_contract.topics import STREAM_EVENTS
from psycopg2.extensions import cursor as Cursor
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from music_spark.aggregation import families
from music_spark.batches import batch
from music_spark.batches.backlog import Backlog
from music_spark.batches.batch import Context
from music_spark.batches.committing import Committer
from music_spark.followers import rebuilding
from music_spark.followers.auditing import Auditor
from music_spark.followers.gauges import Gauges
from music_spark.followers.progress import ProgressRecorder
from music_spark.followers.rebuilding import Rebuilding
from music_spark.followers.rollups import RollupRefresher
from music_spark.reading import offsets, source
from music_spark.reading.registry import KnownSchemas
from music_spark.reading.rereading import Rereader
from music_spark.settings import Settings, Windows
from music_spark.warehouse import ledger
from music_spark.warehouse.dead_letters import DeadLetterTopic
from music_spark.warehouse.postgres import Unreachable, Writer, WriterIsActive

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0
_STEP_PAUSE_S = 0.2
"""Between two steps of a rebuild, so that batches get their turn."""
_HEALTHY_AFTER_S = 60.0
"""A query that ran this long and then failed begins again with the first pause."""


class Job:
    """Runs the stream until it is asked to stop or Spark is gone."""

    def __init__(self, spark: SparkSession, settings: Settings, windows: Windows) -> None:
        self._spark = spark
        self._settings = settings
        self._families = families.declare(windows)
        self._rebuilding: Rebuilding | None = None
        self._stopping = threading.Event()
        self._is_declared = False
        self._writer = Writer(settings.postgres_dsn.get_secret_value(), self._prepare_session)
        self._backlog = Backlog(max(1, settings.max_offsets_per_batch // 2))
        self._rollups = RollupRefresher(
            settings.postgres_dsn.get_secret_value(), settings.rollup_interval, self._backlog
        )
        self._auditor = Auditor(settings.postgres_dsn.get_secret_value(), self._families, self._backlog)
        self._known_schemas = KnownSchemas(settings.schema_registry_url)
        self._dead_letter_topic = DeadLetterTopic(settings.kafka_bootstrap_servers)
        self._check_topics = offsets.TopicWatch(settings.kafka_bootstrap_servers)
        self._gauges = Gauges(spark.sparkContext)
        self._read_again = Rereader(settings.kafka_bootstrap_servers)

    def run(self) -> None:
        """Run query after query; returns when SIGTERM or SIGINT came, RuntimeError when the Spark context has
        ended.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        try:
            self._run_until_stopped()
        finally:
            self._rollups.stop()
            self._auditor.stop()
            self._writer.close()

    def _prepare_session(self, cursor: Cursor) -> None:
        batch.prepare(self._families)(cursor)
        if self._is_declared:
            # The lock was lost for a while, and may have been another job's.
            rebuilding.require_declared(cursor, self._families.values())

    def _run_until_stopped(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            self._run_once(uuid4())
            if self._stopping.is_set():
                break
            if self._spark.sparkContext._jsc.sc().isStopped():
                raise RuntimeError("the Spark context has ended; the job ends too and is to be started again")
            pause = (
                _FIRST_PAUSE_S
                if time.monotonic() - began > _HEALTHY_AFTER_S
                else min(2 * pause, _LONGEST_PAUSE_S)
            )
            log.info("the query starts again in %.1f s", pause)
            self._stopping.wait(pause)

    def _run_once(self, run_id: UUID) -> None:
        """One query from start to end; faults are logged and noted."""
        recorder = ProgressRecorder(self._settings.postgres_dsn.get_secret_value(), run_id, self._gauges)
        try:
            query, committer = self._start(run_id)
        except (*batch.Passing, KafkaException) as error:
            log.warning("the query cannot start yet: %s", " ".join(str(error).split()))
            return
        # Not before: only who has the writer's lock and has declared its metrics may say what they must be.
        if not self._auditor.ident:
            self._rollups.start()
            self._auditor.start()
        self._spark.streams.addListener(recorder)
        try:
            fault = self._watch(query, committer)
        finally:
            self._spark.streams.removeListener(recorder)
            recorder.close()
            # It writes with the job's connection, as a note does.
            committer.close()
            self._is_declared = False
        if self._stopping.is_set():
            self._note(run_id, "stopped", "the job was asked to stop")
        elif fault:
            log.error("the query failed: %s", fault)
            # A fault may have no words of its own: then its kind has to do.
            reason = (str(fault).strip() or type(fault).__name__).splitlines()[0]
            self._note(run_id, "failed", reason[:2000])

    def _watch(self, query: StreamingQuery, committer: Committer) -> BaseException | None:
        """Wait until the query ends or has to; the fault, if that is why."""
        try:
            while not self._stopping.is_set():
                # It takes fractions of a second, whatever its type says.
                limit: Any = _STEP_PAUSE_S if self._rebuild_a_step() else 1
                if query.awaitTermination(limit):
                    return None
                if committer.fault:
                    break
        except StreamingQueryException as error:
            return error
        except rebuilding.DeclaredOtherwise as error:
            query.stop()
            return error
        query.stop()
        return committer.fault

    def _start(self, run_id: UUID) -> tuple[StreamingQuery, Committer]:
        settings = self._settings
        self._is_declared = False
        event_schema_ids = self._known_schemas.of(STREAM_EVENTS)
        positions, read_until = self._writer.transaction(offsets.stored)
        kafka = offsets.read_kafka(settings.kafka_bootstrap_servers, source.TOPICS, read_until)
        start = offsets.choose(kafka, positions)
        for _, finding in start.findings:
            log.error(finding)
        self._writer.transaction(lambda cursor: offsets.settle(cursor, run_id, kafka.topic_ids, start))
        pending = self._writer.transaction(
            lambda cursor: rebuilding.declare(cursor, run_id, self._families.values())
        )
        self._is_declared = True
        self._rebuilding = Rebuilding(run_id, self._families, pending)
        context = Context(
            writer=self._writer,
            families=self._families,
            watermark_delay=settings.watermark_delay,
            run_id=run_id,
            topic_ids=kafka.topic_ids,
            check_topics=self._check_topics,
            read_again=self._read_again,
            known_schemas=self._known_schemas,
            dead_letter_topic=self._dead_letter_topic,
            stopping=self._stopping,
            backlog=self._backlog,
        )
        self._note(run_id, "started", f"from {start.offsets}")
        records = source.read_topics(
            self._spark, settings.kafka_bootstrap_servers, start.offsets, settings.max_offsets_per_batch
        )
        trigger = f"{settings.trigger_interval.total_seconds() * 1000:.0f} milliseconds"
        log.info("run %s starts from %s", run_id, start.offsets)
        committer = Committer(context)

        def commit(frame: DataFrame, batch_id: int) -> None:
            committer.take(batch_id, source.collect(frame))

        query = (
            source.parse(records, event_schema_ids, self._spark.sparkContext.defaultParallelism)
            .writeStream.queryName(ledger.QUERY)
            .foreachBatch(commit)
            .option("checkpointLocation", str(_fresh_scratch(settings.checkpoint_dir, run_id)))
            .trigger(processingTime=trigger)
            .start()
        )
        return query, committer

    def _rebuild_a_step(self) -> bool:
        """Take a step of a rebuild that is under way, between two batches; whether there are more."""
        rebuild = self._rebuilding
        if rebuild is None or not rebuild.pending:
            return False
        try:
            if self._writer.transaction(rebuild.step):
                del rebuild.pending[0]
        except (*batch.Passing, psycopg2.Error) as fault:
            log.warning("the rebuild waits: %s", " ".join(str(fault).split()))
            return False
        return bool(rebuild.pending)

    def _note(self, run_id: UUID, kind: str, detail: str) -> None:
        def write(cursor: Cursor) -> None:
            ledger.note(cursor, run_id, kind, detail)

        try:
            self._writer.transaction(write)
        except (*Unreachable, WriterIsActive) as error:
            log.warning("not noted (%s): %s: %s", " ".join(str(error).split()), kind, detail)


def _fresh_scratch(directory: Path, run_id: UUID) -> Path:
    """An empty directory for this run's checkpoint; those of former runs are removed.

    Spark insists on a checkpoint. Ours is empty at every start: the offsets stand in PostgreSQL, in the
    transaction of the data, and there is no other state, so that nothing can be lost, stale or corrupted
    here.
    """
    if directory.is_dir():
        for former in directory.iterdir():
            shutil.rmtree(former, ignore_errors=True)
    scratch = directory / str(run_id)
    scratch.mkdir(parents=True)
    return scratch
