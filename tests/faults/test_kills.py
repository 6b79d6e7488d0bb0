"""Servers die while events flow; afterwards the books must balance to the event."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest

from tests import audit
from tests.faults.killing import kill
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

RATE = 500
RECOVERY_LIMIT_S = 180.0


def _producer(platform: SecondPlatform, report: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [
            *(Path(sys.executable).parent / "music-producer", "run"),
            *("--rate", str(RATE), "--users", "2000", "--songs", "1000", "--seed", "7"),
            *("--report", str(report)),
            *("--bootstrap-servers", platform.kafka_bootstrap_servers),
            *("--registry-url", platform.schema_registry_url),
        ]
    )


def _facts(platform: SecondPlatform) -> int:
    try:
        return audit.books(platform.postgres_dsn).facts
    except psycopg2.OperationalError:
        return 0


@pytest.mark.faults
def test_kill_9_of_each_server_in_turn_loses_no_event_and_doubles_none(
    platform: SecondPlatform, tmp_path: Path
) -> None:
    before = audit.books(platform.postgres_dsn)
    report = tmp_path / "report.json"
    producer = _producer(platform, report)
    try:
        wait_until(lambda: _facts(platform) > before.facts + RATE, 120, "the first events arrive")
        for victim in ("driver", "driver's JVM", "executor", "broker", "database"):
            stored = _facts(platform)
            pid = kill(platform, victim)
            # Two seconds' worth of new events shows that the whole way is open again.
            now = wait_until(
                lambda at_least=stored + 2 * RATE: (facts := _facts(platform)) > at_least and facts,
                RECOVERY_LIMIT_S,
                f"events arrive again after the {victim} (pid {pid}) was killed",
            )
            print(f"{victim}: pid {pid} killed at {stored} facts, flowing again at {now}")
    finally:
        producer.send_signal(signal.SIGTERM)
        assert producer.wait(timeout=120) == 0, "the producer ends cleanly once all is acknowledged"

    acknowledged = json.loads(report.read_text())["acknowledged_events"]

    def settled() -> audit.Books | None:
        after = audit.books(platform.postgres_dsn)
        arrived = after.facts + after.dead_letters - before.facts - before.dead_letters
        return after if arrived >= acknowledged else None

    after = wait_until(settled, RECOVERY_LIMIT_S, f"all {acknowledged} acknowledged events arrive")
    rows, distinct = audit.facts_stored(platform.postgres_dsn)
    print(f"acknowledged {acknowledged}; {after}; fact rows {rows}, distinct {distinct}")
    assert after.facts - before.facts + after.dead_letters - before.dead_letters == acknowledged
    assert after.balanced
    assert rows == distinct == after.facts
    assert audit.ledger_gaps(platform.postgres_dsn) == []
    assert audit.metrics_that_differ(platform.postgres_dsn) == []
