"""What dashboards show beside the query library: views of migrations, and the measures of their datasets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.database import Database
from tests.records import LOCATIONS, Record, dimension_records, event_records, framed, location, playback
from tests.stream import Stream

DATASETS = Path(__file__).parents[2] / "superset" / "assets" / "datasets"


def measure(dataset: str, name: str) -> str:
    """The SQL of a dataset's measure."""
    metrics = yaml.safe_load((DATASETS / f"{dataset}.yaml").read_text(encoding="utf-8"))["metrics"]
    (expression,) = (metric["expression"] for metric in metrics if metric["metric_name"] == name)
    return str(expression)


def trigger(database: Database, run: str, at: str, rows: int, batch_ms: int, rate: float | None) -> None:
    database.query(
        """INSERT INTO ops.progress (query, run_id, batch_id, recorded_at, input_rows, input_rows_per_second,
               processed_rows_per_second, batch_ms, lag_records, lag_by_partition, durations_ms)
           VALUES ('stream', %s, 0, %s, %s, %s, %s, %s, 0, '{}', '{}')""",
        run, at, rows, rate, rate, batch_ms,
    )  # fmt: skip


def test_records_per_second_are_quotients_of_sums_over_the_triggers_of_a_minute(database: Database) -> None:
    former, run = str(uuid4()), str(uuid4())
    trigger(database, former, "2026-11-01 10:00:00Z", 500, 1_000, 500)
    trigger(database, run, "2026-11-01 12:00:02Z", 1_000, 2_000, None)
    trigger(database, run, "2026-11-01 12:00:12Z", 100, 500, 10)
    trigger(database, run, "2026-11-01 12:00:22Z", 120, 500, 12)

    rates = ", ".join(measure("pipeline_progress", name) for name in ("input_rate", "processing_rate"))
    ((read, possible),) = database.query(
        f"SELECT {rates} FROM analytics.pipeline_progress WHERE recorded_at >= '2026-11-01 12:00Z'"
    )

    # The run's first trigger counts for its own two seconds, not for the two hours before it.
    assert float(read) == pytest.approx(1_220 / (2 + 10 + 10))
    assert float(possible) == pytest.approx(1_220 / (2 + 0.5 + 0.5))


def test_a_rate_that_spark_did_not_give_is_null_and_not_0(database: Database) -> None:
    trigger(database, str(uuid4()), "2026-11-01 12:00:02Z", 1_000, 2_000, None)

    rates = "SELECT input_rows_per_second, processed_rows_per_second FROM analytics.pipeline_progress"
    assert database.query(rates) == [(None, None)]


def test_a_history_sent_later_is_old_when_kafka_gets_it_and_not_slow_in_the_stream(
    database: Database, stream: Stream
) -> None:
    old = playback(1, produced_at="2026-11-23T10:00:00.000Z")
    stream.commit([Record(framed(old), timestamp=datetime.now(UTC) - timedelta(minutes=2))])

    names = ("median_seconds", "median_seconds_from_kafka")
    measures = ", ".join(measure("arrivals", name) for name in names)
    statement = f"SELECT {measures} FROM analytics.arrivals WHERE ingested_at > now() - interval '1 hour'"
    ((from_producer, from_kafka),) = database.query(statement)

    assert from_kafka == pytest.approx(120, abs=60)
    assert from_producer > from_kafka


def test_my_listening_shows_every_playback_though_the_time_zone_of_a_place_is_unusable(
    database: Database, stream: Stream
) -> None:
    places = [
        location("location-1", country="GB", time_zone="Mars/Olympus_Mons"),
        location("location-2", country="IN", time_zone="Asia/Kolkata"),
    ]
    stream.commit(dimension_records(LOCATIONS, *places))
    ended = {"event_time": "2025-12-31T20:00:00.000Z", "started_at": "2025-12-31T20:00:00.000Z"}
    heard = [
        playback(n, source="import", location_id=f"location-{n}", produced_at=ended["event_time"], **ended)
        for n in (1, 2, 3)
    ]
    stream.commit(event_records(*heard))

    shown = database.query(
        "SELECT country, local_day::text, local_hour FROM analytics.my_listening ORDER BY country"
    )

    assert shown == [("GB", "2025-12-31", "20"), ("IN", "2026-01-01", "01"), (None, "2025-12-31", "20")]
