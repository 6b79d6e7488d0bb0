"""What the producer of a platform of containers was promised, against what the platform holds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests import audit
from tests.docker import engine
from tests.docker.health import RECOVERY_LIMIT_S
from tests.faults import books
from tests.faults.feeding import Witness
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until


def acknowledged(platform: SecondPlatform) -> int:
    """How many events the brokers have acknowledged to the producer, as its report says."""
    producer = engine.container(platform.name, "producer")
    report = engine.docker("exec", producer, "cat", "/var/lib/music-platform/report.json")
    return int(json.loads(report)["acknowledged_events"])


def stored(platform: SecondPlatform) -> int:
    """How many facts there are."""
    return audit.books(platform.postgres_dsn).facts


@contextmanager
def kept(platform: SecondPlatform) -> Iterator[None]:
    """Send events of the test's own meanwhile; afterwards each one that was acknowledged must be a fact.

    To the event, which the producer's report and the sums of the books are not: both are as old as a batch.
    """
    with Witness(platform) as witness:
        wait_until(lambda: witness.acknowledged, RECOVERY_LIMIT_S, "a broker acknowledges an event")
        yield
    acknowledged = witness.acknowledged
    wait_until(
        lambda: books.stored_of(platform, acknowledged) == len(acknowledged),
        RECOVERY_LIMIT_S,
        f"each of {len(acknowledged)} acknowledged events is a fact",
    )
    print(f"{len(witness.sent)} single events sent, {len(acknowledged)} acknowledged and stored")
    assert len(acknowledged) == len(witness.sent)


def check(platform: SecondPlatform) -> None:
    """Hold the books against what the producer has been promised until now."""
    promised = acknowledged(platform)
    assert sum(books.ends(platform).values()) >= promised, "a broker has forgotten acknowledged records"
    wait_until(
        lambda: audit.books(platform.postgres_dsn).read >= promised,
        RECOVERY_LIMIT_S,
        f"{promised} records are read",
    )
    now = audit.books(platform.postgres_dsn)
    rows, distinct = audit.facts_stored(platform.postgres_dsn)
    print(f"acknowledged to the producer {promised}; {now}; {rows} facts, {distinct} distinct")
    assert now.balanced
    assert rows == distinct
    assert audit.ledger_gaps(platform.postgres_dsn) == []
    assert audit.metrics_that_differ(platform.postgres_dsn) == []
    assert books.imbalances(platform) == []
