"""What dashboards show beside the query library: views of migrations, and the measures of their datasets."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.database import Database

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
