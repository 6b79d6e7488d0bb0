"""The benchmark's work: events in a topic that a stream job then catches up on, and when it has done so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
from music_contract.topics import DIMENSIONS, STREAM_EVENTS
from music_spark.reading import offsets

from bench import resources
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

JOB = "spark_job"
_DIMENSION_EVENTS = 1_000
"""The first events come with the dimensions, which are stored before anything is measured."""
_PRODUCER = Path(sys.executable).parent / "music-producer"
_LIMIT_S = 1800.0
_SAY_EVERY_S = 5.0


@dataclass(frozen=True)
class World:
    """Who listens to what."""

    users: int = 50_000
    songs: int = 20_000

    def options(self) -> list[str]:
        """The producer's options for it."""
        return ["--users", str(self.users), "--songs", str(self.songs), "--seed", "1"]


def say(text: str) -> None:
    """Show progress at once, with the time."""
    print(f"  {time.strftime('%H:%M:%S')} {text}", flush=True)


def end_on_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does: what was started is ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))


def write(file: Path, document: object) -> None:
    """Write a result as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")


def query(dsn: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement in a transaction of its own; its rows, or none."""
    connection = psycopg2.connect(dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def produce(platform: SecondPlatform, world: World, events: int, hours_ago: int) -> float:
    """Publish the world's dimensions, then an hour or so of the past with that many events, at full speed.

    The same hour holds the same events: another share of the work needs another one. Returns the seconds that
    it took.
    """
    start = datetime.now(UTC) - timedelta(hours=hours_ago)
    past = ("--start", start.strftime("%Y-%m-%dT%H:%M:%SZ"), "--events", str(events))
    began = time.monotonic()
    _run(_producer(platform, world, events / 3600, *past))
    return time.monotonic() - began


def leave_backlog(platform: SecondPlatform, world: World, events: int) -> float:
    """Store the world's dimensions, stop the job and publish that many events; the seconds that they took."""
    say(f"publishing the dimensions of {world.users:,} users and {world.songs:,} songs")
    produce(platform, world, _DIMENSION_EVENTS, hours_ago=12)
    wait_for_events(platform, _DIMENSION_EVENTS)
    wait_until_idle(platform)
    stop_job(platform)
    say(f"publishing {events:,} events")
    seconds = produce(platform, world, events, hours_ago=6)
    _pass_over_dimensions(platform)
    return seconds


def _run(command: list[str]) -> None:
    """Run a command; a failure says what the command said."""
    ran = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ran.stderr[-2000:]}")


@contextmanager
def producing(platform: SecondPlatform, world: World, rate: int) -> Iterator[None]:
    """Publish events at a steady rate meanwhile."""
    producer = subprocess.Popen(_producer(platform, world, rate), stderr=subprocess.DEVNULL)
    try:
        yield
        assert producer.poll() is None, "the producer has ended before the measurement"
    finally:
        producer.terminate()
        producer.wait(60)


def _producer(platform: SecondPlatform, world: World, rate: float, *more: str) -> list[str]:
    return [
        *(str(_PRODUCER), "run", "--rate", f"{rate:g}", *world.options(), *more),
        *("--bootstrap-servers", platform.kafka_bootstrap_servers),
        *("--registry-url", platform.schema_registry_url),
    ]


def facts(platform: SecondPlatform) -> int:
    """Events of the topic that were read, whatever became of them."""
    rows = query(
        platform.postgres_dsn,
        "SELECT coalesce(sum(read), 0)::bigint FROM ops.partitions WHERE topic = %s",
        STREAM_EVENTS,
    )
    return int(rows[0][0])


def database_bytes(platform: SecondPlatform) -> int:
    """The size of the platform's database."""
    ((size,),) = query(platform.postgres_dsn, "SELECT pg_database_size(current_database())")
    return int(size)


def wait_for_events(platform: SecondPlatform, count: int) -> None:
    """Wait until that many events of the topic are stored, and show how far it is."""
    told = time.monotonic()

    def enough() -> bool:
        nonlocal told
        stored = facts(platform)
        if time.monotonic() - told >= _SAY_EVERY_S:
            told = time.monotonic()
            say(f"{stored:,} of {count:,} events are stored")
        return stored >= count

    wait_until(enough, _LIMIT_S, f"{count} events are stored")


def wait_until_idle(platform: SecondPlatform, *, but_for: int = 0) -> None:
    """Wait until the job has read all topics to their end, but for so many while more are sent."""
    wait_until(
        lambda: (
            query(
                platform.postgres_dsn,
                "SELECT lag_records <= %s FROM ops.progress ORDER BY id DESC LIMIT 1",
                but_for,
            )
            == [(True,)]
        ),
        _LIMIT_S,
        "the job has read everything",
    )


def wait_until_counted(platform: SecondPlatform) -> None:
    """Wait until the rollups have counted a backlog that was worked off: they take a core for a while."""
    wait_until(
        lambda: (
            query(platform.postgres_dsn, "SELECT behind < interval '1 minute' FROM analytics.freshness")
            == [(True,)]
        ),
        _LIMIT_S,
        "the rollups have counted everything",
    )


def stop_job(platform: SecondPlatform) -> None:
    """Stop the stream job."""
    platform.supervisor.stop(JOB)


def _pass_over_dimensions(platform: SecondPlatform) -> None:
    """Let a stopped job take dimensions that were published again for read: they are stored already."""
    topics = tuple(topic.name for topic in DIMENSIONS.values())
    kafka = offsets.read_kafka(platform.kafka_bootstrap_servers, topics)
    for (topic, partition), end in kafka.latest.items():
        query(
            platform.postgres_dsn,
            "UPDATE ops.partitions SET position = %s, appended_at = clock_timestamp() "
            "WHERE topic = %s AND partition = %s",
            *(end, topic, partition),
        )


@dataclass(frozen=True)
class CatchUp:
    """When a job caught up, by PostgreSQL's clock."""

    launched: datetime
    """The job's process was started."""
    started: datetime
    """The query was started: JVM and executor run."""
    first_read: datetime
    """The first batch was begun."""
    first_committed: datetime
    """The first batch was committed: classes are loaded, code is compiled, Python's workers run."""
    done: datetime
    """The last batch was committed: all facts and all metrics are in."""
    events: int
    events_of_first: int
    """Events of the first batch."""

    @property
    def events_per_s(self) -> float:
        return self.events / (self.done - self.started).total_seconds()

    @property
    def events_per_s_from_first_read(self) -> float:
        return self.events / (self.done - self.first_read).total_seconds()

    @property
    def events_per_s_after_first(self) -> float | None:
        """The rate of the batches after the first; None where there was no other."""
        seconds = (self.done - self.first_committed).total_seconds()
        return (self.events - self.events_of_first) / seconds if seconds else None

    @property
    def events_per_s_from_launch(self) -> float:
        return self.events / (self.done - self.launched).total_seconds()


def batches(platform: SecondPlatform) -> list[dict[str, Any]]:
    """The job's batches: when each was begun, how long it was read, and what Spark did meanwhile."""
    rows = query(
        platform.postgres_dsn,
        "SELECT batch_id, recorded_at::text, input_rows, batch_ms, durations_ms FROM ops.progress "
        "WHERE input_rows > 0 ORDER BY id",
    )
    names = ("batch_id", "begun", "records", "ms", "durations_ms")
    return [dict(zip(names, row, strict=True)) for row in rows]


def catch_up(platform: SecondPlatform, events: int) -> CatchUp:
    """Start the stopped job and wait until it has stored that many more events than it has now."""
    before = facts(platform)
    ((launched,),) = query(platform.postgres_dsn, "SELECT clock_timestamp()")
    platform.supervisor.start(JOB)
    ((started,),) = wait_until(
        lambda: query(
            platform.postgres_dsn,
            "SELECT max(recorded_at) FROM ops.query_events WHERE kind = 'started' AND recorded_at > %s "
            "HAVING max(recorded_at) IS NOT NULL",
            launched,
        ),
        120,
        "the query starts",
    )
    wait_for_events(platform, before + events)
    committed = query(
        platform.postgres_dsn,
        "SELECT committed_at, facts + duplicates FROM ops.batches WHERE committed_at > %s ORDER BY id",
        started,
    )
    (first_committed, events_of_first), (done, _) = committed[0], committed[-1]
    ((first_read,),) = wait_until(
        lambda: query(
            platform.postgres_dsn,
            "SELECT min(recorded_at) FROM ops.progress WHERE recorded_at > %s AND input_rows > 0 "
            "HAVING min(recorded_at) IS NOT NULL",
            started,
        ),
        60,
        "the first batch is recorded",
    )
    return CatchUp(launched, started, first_read, first_committed, done, events, events_of_first)


@dataclass(frozen=True)
class Cost:
    """What it cost to catch up."""

    cpu_seconds_per_million: dict[str, float]
    """Component -> user and system time per million events."""
    peak_bytes: int
    bytes_per_event: float
    """By which the database grew."""


def measured_catch_up(platform: SecondPlatform, events: int) -> tuple[CatchUp, Cost]:
    """`catch_up`, and what it cost."""
    size = database_bytes(platform)
    with resources.measured(platform.supervisor) as usage:
        caught_up = catch_up(platform, events)
    seconds = {name: taken / events * 1e6 for name, taken in usage.cpu_seconds.items()}
    return caught_up, Cost(seconds, usage.peak_bytes, (database_bytes(platform) - size) / events)
