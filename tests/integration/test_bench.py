"""The benchmark runs from end to end and says what it has to say; what the figures are is not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

LIMIT_S = 900

MEASURED = (
    "catchup_events_per_s",
    "share_of_copy",
    "cpu_seconds_per_million",
    "peak_rss_bytes",
    "bytes_per_event",
    "reference_tuned_events_per_s",
    "times_reference_tuned",
    "read_parse_events_per_s",
    "share_of_read_parse",
)
LEFT_OUT = (
    "reference_events_per_s",
    # A short run is one batch.
    "reference_tuned_events_per_s_after_the_first_batch",
)


def test_a_short_run_writes_every_figure_and_the_books_balance(tmp_path: Path) -> None:
    written = tmp_path / "pipeline.json"
    # The plain design with Spark's default settings takes minutes: it is left out, and named all the same.
    command = [sys.executable, "-m", "bench.pipeline", "--short", "--result", str(written)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    print(ran.stdout)
    result = json.loads(written.read_text())
    assert all(result[key] > 0 for key in MEASURED), result
    assert all(result[key] is None for key in LEFT_OUT), result
    assert set(result["latency_ms"]) == {"p50", "p95", "p99"}
    books = result["books"]
    assert result["events"] <= books["facts"]
    assert books["read"] == books["facts"] + books["duplicates"] + books["dead_letters"]
    assert result["metric_rows_that_differ_from_the_facts"] == 0
