"""An accelerated run with faults, through Kafka and Spark into PostgreSQL, against the ground truth.

MUSIC_TRUTH_EVENTS says how many events it has: 100,000, or for example 1,000,000.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from music_contract import times
from music_producer.records.truth import MEASURES
from music_producer.run import Run, make_population
from music_producer.sending.registry import schema_ids
from music_producer.sending.stopping import Stop
from music_producer.settings import Settings
from music_producer.world.dates import HOUR_MS

from tests import audit, second_platform
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

EVENTS = int(os.environ.get("MUSIC_TRUTH_EVENTS") or 100_000)
LIMIT_S = 600.0
START = "2026-11-02T00:00:00Z"
STEP_H, STEPS = 2, 6
WATERMARK_H = 3
"""Longer than a step: the stream may read a step's partitions in any order, and none of it is late."""
LATE_FROM_S = round((STEP_H + WATERMARK_H + 0.25) * 3_600)
"""Longer than a step and the watermark's delay: the stream has passed the moment for sure."""

_KEYS = {"user": "user_id", "song": "song_id", "device": "device_id", "location": "location_id"}


@dataclass(frozen=True)
class Done:
    """What went in, and where it came out."""

    dsn: str
    directory: Path

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads((self.directory / "truth.json").read_text())
        return summary

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        with audit.reader(self.dsn) as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())


def read_so_far(platform: SecondPlatform) -> int:
    try:
        return audit.books(platform.postgres_dsn).read
    except psycopg2.OperationalError:
        return 0


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """Simulated hours, each step of them read by the stream before the next one comes.

    A platform of its own: where other tests have sent events of the present, all of these would be late.
    """
    directory = tmp_path_factory.mktemp("simulated") / "truth"
    with second_platform.start(WATERMARK_DELAY=f"{WATERMARK_H} hours") as platform:
        settings = Settings(
            bootstrap_servers=platform.kafka_bootstrap_servers,
            registry_url=platform.schema_registry_url,
            users=max(300, EVENTS // 100),
            songs=max(300, EVENTS // 100),
            rate=EVENTS / (STEPS * STEP_H * 3_600),
            start=START,  # type: ignore[arg-type]
            # Half of them would come after the end of the run: one in a hundred comes late.
            late=0.02,
            late_from=LATE_FROM_S,
            late_to=LATE_FROM_S + 3_600,
            duplicates=0.01,
            out_of_order=0.02,
            malformed=0.001,
            unpublished=0.001,
            old_schema=0.05,
            truth=directory,
        )
        ids = schema_ids(settings.registry_url, Stop())
        assert ids is not None
        assert ids.older_event is not None
        run = Run(settings, Stop(), ids, make_population(settings))
        run.publish_dimensions()
        sent = 0
        for step in range(1, STEPS + 1):
            sent += run.advance(times.to_epoch_ms(START) + step * STEP_H * HOUR_MS)
            assert run.flush() == 0
            wait_until(
                lambda expected=sent: read_so_far(platform) >= expected, LIMIT_S, f"{sent} records read"
            )
        assert run.finish()
        yield Done(platform.postgres_dsn, directory)


def test_the_truth_is_complete_and_holds_every_fault(done: Done) -> None:
    summary = done.summary
    print(summary)
    assert summary["complete"]
    assert summary["records"] > 0.9 * EVENTS
    assert all(count > 0 for count in summary["faults"].values())


def test_facts_duplicates_late_and_dead_letters_are_those_of_the_truth(done: Done) -> None:
    books, summary = audit.books(done.dsn), done.summary
    ((late,),) = done.rows("SELECT sum(late_events)::bigint FROM ops.batches")
    print(f"{books}, late {late}; {summary}")
    assert books.balanced
    assert books.read == summary["records"]
    assert books.facts == summary["facts"]
    assert books.duplicates == summary["faults"]["duplicate"]
    assert books.dead_letters == summary["faults"]["malformed"]
    assert late == summary["faults"]["late"]


def test_each_malformed_record_is_a_dead_letter_for_its_reason(done: Done) -> None:
    found = done.rows("SELECT reason, count(*)::int FROM ops.dead_letters GROUP BY reason")
    assert dict(found) == done.summary["malformed_by_reason"]


@pytest.mark.parametrize("kind", ["all", *_KEYS])
def test_the_totals_per_minute_and_key_are_those_of_the_facts(done: Done, kind: str) -> None:
    key = _KEYS.get(kind, "''")
    found = done.rows(
        f"""SELECT date_trunc('minute', event_time), {key}, count(*), sum(is_stream::int),
                sum(is_completed::int), sum(skipped::int), sum(liked::int), sum(added_to_playlist::int),
                sum(ms_played)::bigint
            FROM warehouse.stream_events GROUP BY 1, 2"""
    )
    table = pq.read_table(done.directory / "totals")
    table = table.filter(pc.equal(table["kind"], kind)).group_by(["minute", "key"])
    sums = table.aggregate([(measure, "sum") for measure in MEASURES])
    expected = zip(sums["minute"].to_pylist(), sums["key"].to_pylist(),
                   *(sums[f"{measure}_sum"].to_pylist() for measure in MEASURES), strict=True)  # fmt: skip
    assert sorted(found) == sorted(expected)


def test_the_metrics_are_those_of_the_facts(done: Done) -> None:
    assert audit.metrics_that_differ(done.dsn) == []


def test_what_events_refer_to_has_arrived(done: Done) -> None:
    ((unknown,),) = done.rows(
        """SELECT count(*) FROM warehouse.stream_events AS e
           WHERE NOT EXISTS (SELECT FROM warehouse.devices AS d WHERE d.device_id = e.device_id)"""
    )
    assert unknown == 0
