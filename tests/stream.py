"""The stream without Spark and Kafka: batches of hand-made records, committed into a real database."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from types import ModuleType
from uuid import uuid4

import pytest
from music_contract.topics import STREAM_EVENTS, TOPICS
from music_spark.aggregation import families
from music_spark.aggregation.families import Family
from music_spark.batches import batch
from music_spark.batches.batch import Context
from music_spark.reading.rereading import Content, Place
from music_spark.records.triage import DeadLetter
from music_spark.settings import Windows
from music_spark.warehouse.dead_letters import NotTaken
from music_spark.warehouse.postgres import Writer

from tests.database import Database
from tests.records import KNOWN_SCHEMA, Record, parsed
from tests.waiting import wait_until

FAMILIES = families.declare(Windows())
WATERMARK_DELAY = timedelta(minutes=10)


class DeadLetterSink:
    """Takes dead letters as the topic does, or refuses them as a broker that is away."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.refusals = 0

    def send(self, letters: Sequence[DeadLetter]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise NotTaken("the broker is away")
        self.letters += letters


class Impatience(threading.Event):
    """A request to stop that comes by itself when a batch has waited too often; nothing waits in fact."""

    LIMIT = 10

    def __init__(self) -> None:
        super().__init__()
        self._waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self._waits += 1
        return self.is_set() or self._waits > self.LIMIT


class Stream:
    """One run of the stream job, batch after batch."""

    def __init__(
        self,
        dsn: str,
        declared: Mapping[str, Family] = FAMILIES,
        stopping: threading.Event | None = None,
    ) -> None:
        self.sink = DeadLetterSink()
        self.writer = Writer(dsn, batch.prepare(declared))
        self.stopping = stopping or Impatience()
        self.batch_id = -1
        self._sent: dict[Place, Content] = {}
        self.context = Context(
            writer=self.writer,
            families=declared,
            watermark_delay=WATERMARK_DELAY,
            run_id=uuid4(),
            topic_ids={name: f"id-of-{name}" for name in TOPICS},
            check_topics=lambda _topic_ids: None,
            read_again=self._read_again,
            known_schemas=lambda _topic, ids: ids & {KNOWN_SCHEMA},
            dead_letter_topic=self.sink,  # type: ignore[arg-type]
            stopping=self.stopping,
        )

    def commit(self, records: Sequence[Record], *, quick: bool = True) -> None:
        """Commit the records as the next batch."""
        self.batch_id += 1
        self._sent |= {(r.topic, r.partition, r.offset): (r.key, r.value) for r in records}
        batch.process(self.context, self.batch_id, parsed(records, quick=quick))

    def _read_again(self, places: Iterable[Place]) -> dict[Place, Content]:
        return {place: self._sent[place] for place in places if place in self._sent}

    def close(self) -> None:
        self.writer.close()


def wait_until_no_run_writes(database: Database) -> None:
    """Wait until the last run's session has ended: the server notices a closed connection a moment later."""
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    wait_until(lambda: database.value(locks) == 0, 30, "the release of the writer's lock")


class CrashError(Exception):
    """The process dies here."""


def after(
    patch: pytest.MonkeyPatch, module: ModuleType | object, name: str, act: Callable[[], None], call: int = 1
) -> None:
    """Do something once, when a function has been called `call` times."""
    original = getattr(module, name)
    calls = 0

    def wrapped(*words: object, **named: object) -> object:
        nonlocal calls
        result = original(*words, **named)
        calls += 1
        if calls == call:
            act()
        return result

    patch.setattr(module, name, wrapped)


def crash() -> None:
    """Die."""
    raise CrashError


def count_facts(database: Database) -> int:
    """Return how many facts are stored."""
    rows: int = database.value("SELECT count(*) FROM warehouse.stream_events")
    return rows


def totals(database: Database, partition: int = 0) -> dict[str, int]:
    """Return the sums of the ledger for a partition of the stream events that are not 0."""
    names = (
        "read",
        "facts",
        "duplicates",
        "dead_letters",
        "late_events",
        "unknown_fields",
        "missing",
        "position",
    )
    (row,) = database.query(
        f"SELECT {', '.join(names)} FROM ops.partitions WHERE topic = %s AND partition = %s",
        STREAM_EVENTS,
        partition,
    )
    return {name: value for name, value in zip(names, row, strict=True) if value}
