"""Runs the plain design, and Spark's own reading and parsing, on a platform whose stream job is stopped: on
the same worker, with the job's own memory and parallelism, and otherwise as Spark comes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg2
from music_platform.hosts import processes

from bench import resources, work
from bench.plain_job import DOCUMENT, PATIENCE
from tests.second_platform import CHECKOUT, SecondPlatform

TUNED_SHUFFLE_PARTITIONS = 4
_START_LIMIT_S = 240.0
_AS_SHIPPED = (
    "--conf spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=4",
    "--conf spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=4",
    "--conf spark.hadoop.fs.file.impl=org.apache.hadoop.fs.LocalFileSystem",
)
"""Java's compilers and Hadoop's files as they are without the stream job's choices, which suit the job."""
_COPY_BYTES = 256 * 1024
_LOG_SHOWN = 4_000


@dataclass(frozen=True)
class Reference:
    """What the plain design did."""

    events_per_s: float
    """Of the slowest of its six queries, until the last whole batch that it took within the limit."""
    events_per_s_after_first: float | None
    """The same from the end of its first batch to the end of its last; None if it took only one."""
    facts_per_s: float
    """Of the query of the facts."""
    events: int
    """What the slowest query took."""
    cpu_seconds_per_million: float
    """Of a million events that all six queries took: in the mean, where they came to different places."""


def plain_design(
    platform: SecondPlatform, events: int, limit_s: float, shuffle_partitions: int | None = None
) -> Reference:
    """Run the six queries until they have taken so many of the topic's events, or for `limit_s` seconds; for
    up to four times as long where one has not taken two batches.
    """
    owner = _owner_dsn(platform)
    work.query(owner, "DROP SCHEMA IF EXISTS reference CASCADE")
    work.query(owner, "CREATE SCHEMA reference")
    more = [f"--conf spark.sql.shuffle.partitions={shuffle_partitions}"] if shuffle_partitions else []
    with resources.measured(platform.supervisor) as usage:
        found, driver_seconds = _run(platform, "stream", events, limit_s, more)
    work.query(owner, "DROP SCHEMA reference CASCADE")
    batches: dict[str, list[list[float]]] = found["batches"]
    if not all(batches.values()):
        raise RuntimeError(
            f"a query of the plain design took no event in {PATIENCE * limit_s:.0f} s: "
            "give it more (--reference-limit)"
        )
    ends = {table: done[-1] for table, done in batches.items()}
    rates = {table: count / seconds for table, (count, seconds) in ends.items()}
    mean = sum(count for count, _ in ends.values()) / len(ends)
    return Reference(
        events_per_s=min(rates.values()),
        events_per_s_after_first=_after_first(batches),
        facts_per_s=rates["stream_events"],
        events=int(min(count for count, _ in ends.values())),
        cpu_seconds_per_million=(sum(usage.cpu_seconds.values()) + driver_seconds) / mean * 1e6,
    )


def _after_first(batches: dict[str, list[list[float]]]) -> float | None:
    """Events per second of the slowest query from the end of its first batch."""
    if any(len(done) == 1 for done in batches.values()):
        return None
    return min(
        (last - first) / (last_s - first_s)
        for (first, first_s), (last, last_s) in ((done[0], done[-1]) for done in batches.values())
    )


def plain_copy(platform: SecondPlatform, *, indexes: bool) -> float:
    """Rows per second of COPY (binary, one connection) of the stored facts into a table like theirs, with the
    same indexes or none.
    """
    owner = _owner_dsn(platform)
    work.query(owner, "DROP SCHEMA IF EXISTS reference CASCADE")
    work.query(owner, "CREATE SCHEMA reference")
    like = "INCLUDING INDEXES" if indexes else ""
    work.query(owner, f"CREATE TABLE reference.facts (LIKE warehouse.stream_events {like})")
    connection = psycopg2.connect(owner)
    try:
        with tempfile.TemporaryFile() as rows, connection, connection.cursor() as cursor:
            cursor.copy_expert("COPY (SELECT * FROM warehouse.stream_events) TO STDOUT (FORMAT binary)", rows)
            rows.seek(0)
            began = time.monotonic()
            cursor.copy_expert("COPY reference.facts FROM STDIN (FORMAT binary)", rows, _COPY_BYTES)
            copied = cursor.rowcount
            connection.commit()
            took = time.monotonic() - began
    finally:
        connection.close()
        work.query(owner, "DROP SCHEMA reference CASCADE")
    return copied / took


def read_and_parse(platform: SecondPlatform, events: int) -> float:
    """Events per second of Spark's own reading and from_json of the topic, into nothing; the better of two
    runs.
    """
    found, _ = _run(platform, "read-parse", events, 0, [])
    return float(max(found.values()))


def _run(
    platform: SecondPlatform, mode: str, events: int, limit_s: float, more: list[str]
) -> tuple[dict[str, Any], float]:
    """The document that the job printed, and the CPU seconds of its driver."""
    # What Spark logs counts only when something fails: queries that are stopped in the middle of a batch say
    # so at great length.
    with tempfile.TemporaryFile("w+") as log:
        with started(platform, [mode, str(events), str(limit_s)], more, log) as process:
            output, _ = process.communicate(timeout=PATIENCE * limit_s + _START_LIMIT_S)
        log.seek(0)
        said = log.read()[-_LOG_SHOWN:]
    if process.returncode:
        raise RuntimeError(f"the reference ended with {process.returncode}:\n{said}")
    # Spark itself writes to standard output when queries are stopped in the middle of a batch, also behind
    # the document in its line.
    document = next(line for line in reversed(output.splitlines()) if line.startswith(DOCUMENT))
    found: dict[str, Any] = json.JSONDecoder().raw_decode(document.removeprefix(DOCUMENT))[0]
    return found, found.pop("driver_cpu_seconds", 0.0)


@contextmanager
def started(
    platform: SecondPlatform, arguments: Sequence[str], more: Sequence[str], log: IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """bench.plain_job with these arguments and options of spark-submit, until the end of the context."""
    opt, etc = platform.home / "opt", platform.instance_dir / "etc"
    spark, job = next(opt.glob("spark-*/jars")).parent, next(opt.glob("spark_job-*/lib")).parent
    # The registry keeps its artifacts in PostgreSQL, and so brings the driver along.
    driver = next(opt.glob("schema_registry-*/**/org.postgresql.postgresql-*.jar"))
    jars = ",".join(str(jar) for jar in [*(spark / "jars").glob("*.jar"), driver])
    more = [*_AS_SHIPPED, *more, "--conf spark.hadoop.fs.permissions.umask-mode=000"]
    with tempfile.TemporaryDirectory() as checkpoints:
        # The executors write into it too, and they may run as another user than the driver.
        Path(checkpoints).chmod(0o777)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{job / 'lib'}:{CHECKOUT}",
            "PYSPARK_PYTHON": str(spark / "venv/bin/python"),
            "PYSPARK_SUBMIT_ARGS": " ".join(
                ["--properties-file", str(etc / "spark/job.conf"), "--jars", jars, *more, "pyspark-shell"]
            ),
            "SPARK_CONF_DIR": str(etc / "spark"),
            "BENCH_BOOTSTRAP_SERVERS": platform.kafka_bootstrap_servers,
            "BENCH_JDBC_URL": _jdbc_url(_owner_dsn(platform)),
            "BENCH_CHECKPOINTS": checkpoints,
        }
        command = [str(spark / "venv/bin/python"), "-m", "bench.plain_job", *arguments]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, cwd=CHECKOUT, umask=0
        )
        try:
            yield process
        finally:
            processes.end(processes.tree(process.pid))


def _owner_dsn(platform: SecondPlatform) -> str:
    """The application's role may make no tables; the owner of this platform of our own may."""
    secrets = (platform.instance_dir / "secrets" / "postgres.env").read_text()
    found = re.search(r"MUSIC_POSTGRES_OWNER_PASSWORD=['\"]?([^'\"\s]+)", secrets)
    assert found, "the platform's secrets do not name the owner's password"
    parts = psycopg2.extensions.parse_dsn(platform.postgres_dsn)
    return psycopg2.extensions.make_dsn(**{**parts, "user": "music_owner", "password": found[1]})


def _jdbc_url(dsn: str) -> str:
    parts = psycopg2.extensions.parse_dsn(dsn)
    address = f"{parts['host']}:{parts['port']}/{parts['dbname']}"
    return f"jdbc:postgresql://{address}?user={parts['user']}&password={parts['password']}"
