"""How catching up grows: with the machine's cores, the topic's partitions and the listeners.

    python -m bench.growth [--events 400000] [CASE ...]

A platform of its own for each case, one after the other, each with one thing changed against the first;
`--help` names the cases. With one core everything runs on it: Kafka, Spark, PostgreSQL and this program.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from music_contract.topics import STREAM_EVENTS, TOPICS
from music_spark.reading import offsets

from bench import work
from tests import audit, second_platform

RESULT = Path(__file__).parents[1] / "build" / "bench" / "growth.json"

_TOPICS = "TF_VAR_kafka"
"""Terraform's variable for what topics have, as it is named in the environment."""


@dataclass(frozen=True)
class Case:
    """What a platform has, and who listens."""

    cores: int = 2
    partitions: int = TOPICS[STREAM_EVENTS].partitions
    users: int = 50_000


CASES = {
    "usual": Case(),
    "one-core": Case(cores=1),
    "1-partition": Case(partitions=1),
    "4-partitions": Case(partitions=4),
    "16-partitions": Case(partitions=16),
    "10000-users": Case(users=10_000),
    "100000-users": Case(users=100_000),
    "1000000-users": Case(users=1_000_000),
}


@dataclass(frozen=True)
class Measured:
    """How a case caught up."""

    events_per_s: float
    """From the start of the query."""
    events_per_s_after_first: float | None
    """Of the batches after the first."""
    cpu_seconds_per_million: float
    peak_bytes: int
    bytes_per_event: float
    metric_rows_that_differ: int


def main() -> None:
    """Measure the cases, print a row for each, and write build/bench/growth.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", metavar="CASE", nargs="*", help=f"which of {', '.join(CASES)} (all of them)")
    parser.add_argument("--events", type=int, default=400_000, help="events to catch up on (400000)")
    parser.add_argument("--result", type=Path, default=RESULT, help="file to write (build/bench/growth.json)")
    options = parser.parse_args()
    if unknown := set(options.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}: there are {', '.join(CASES)}")
    work.end_on_sigterm()
    found = {}
    for name in options.cases or CASES:
        work.say(f"{name}: a platform of its own starts; it is destroyed in the end")
        found[name] = _measure(CASES[name], options.events)
        work.say(f"{name}: {found[name].events_per_s:,.0f} events/s")
    document = {name: {**asdict(CASES[name]), **asdict(measured)} for name, measured in found.items()}
    work.write(options.result, {"events": options.events, "cases": document})
    _print(found)


def _measure(case: Case, events: int) -> Measured:
    with _cores(case.cores), _partitions(case.partitions), second_platform.start() as platform:
        made = offsets.read_kafka(platform.kafka_bootstrap_servers, (STREAM_EVENTS,)).latest
        assert len(made) == case.partitions, f"the topic has {len(made)} partitions, not {case.partitions}"
        work.leave_backlog(platform, work.World(users=case.users), events)
        caught_up, cost = work.measured_catch_up(platform, events)
        return Measured(
            events_per_s=caught_up.events_per_s,
            events_per_s_after_first=caught_up.events_per_s_after_first,
            cpu_seconds_per_million=sum(cost.cpu_seconds_per_million.values()),
            peak_bytes=cost.peak_bytes,
            bytes_per_event=cost.bytes_per_event,
            metric_rows_that_differ=len(audit.metrics_that_differ(platform.postgres_dsn)),
        )


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """Let this program, and all that it starts, run on so many cores only."""
    before = os.sched_getaffinity(0)
    if count > len(before):
        raise SystemExit(f"this machine has {len(before)} cores, the case needs {count}")
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _partitions(count: int) -> Iterator[None]:
    """Start platforms whose event topic has so many partitions."""
    os.environ[_TOPICS] = json.dumps({"topics": {STREAM_EVENTS: {"partitions": count}}})
    try:
        yield
    finally:
        del os.environ[_TOPICS]


def _print(found: dict[str, Measured]) -> None:
    titles = ("events/s", "after the first", "CPU s/million", "peak MB", "bytes/event")
    print(f"\n{'case':16}{''.join(f'{title:>17}' for title in titles)}")
    for name, measured in found.items():
        after = measured.events_per_s_after_first
        print(
            f"{name:16}{measured.events_per_s:17,.0f}{f'{after:,.0f}' if after else '-':>17}"
            f"{measured.cpu_seconds_per_million:17.1f}{measured.peak_bytes / 1e6:17,.0f}"
            f"{measured.bytes_per_event:17,.0f}"
        )
        if measured.metric_rows_that_differ:
            print(f"  {measured.metric_rows_that_differ} metric rows differ from the facts")


if __name__ == "__main__":
    main()
