"""How fast the pipeline is, whole, beside a plain design and beside Spark's own reading, in one run on one
machine.

    python -m bench.pipeline [--events 1000000] [--users 50000] [--songs 20000] [--short]
                             [--reference all|tuned|none]

Starts a platform of its own beside whatever runs, and destroys it in the end. Catching up: the events wait in
a topic of ten partitions when the stream job starts; done is when all facts and all metric windows of all
five families are committed. Then the plain design (bench.plain_job) does the same with the same topic, then
events come at a steady rate and the time of each to its visible row is taken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform as machine
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench import latency, reference, work
from tests import audit, second_platform
from tests.second_platform import SecondPlatform

RESULT = Path(__file__).parents[1] / "build" / "bench" / "pipeline.json"


def main() -> None:
    """Measure, print a table, and write build/bench/pipeline.json."""
    options = _options()
    work.end_on_sigterm()
    world = work.World(options.users, options.songs)
    print("a platform of its own starts; it is destroyed in the end", flush=True)
    with second_platform.start(RATE=0) as platform:
        result = _measure(platform, world, options)
    work.write(options.result, result)
    _print(result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default, meaning in (
        ("events", 1_000_000, "events to catch up on"),
        ("users", 50_000, "listeners"),
        ("songs", 20_000, "songs"),
        ("rate", 1_000, "events a second for the latency"),
        ("seconds", 60, "seconds for the latency"),
        ("warm-up", 30, "seconds before them"),
        ("reference-limit", 120, "seconds that a plain design gets"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{meaning} ({default})")
    parser.add_argument(
        "--result", type=Path, default=RESULT, help="file to write (build/bench/pipeline.json)"
    )
    parser.add_argument(
        "--reference",
        choices=("all", "tuned", "none"),
        default="all",
        help="beside what to measure: the plain design as Spark comes and with few shuffle partitions, and "
        "Spark's own reading (all); without the first, which takes minutes (tuned); beside nothing (none)",
    )
    parser.add_argument(
        "--short", action="store_true", help="a small run that shows that it works; the reference is tuned"
    )
    options = parser.parse_args()
    if options.short:
        options.reference = "none" if options.reference == "none" else "tuned"
        options.events, options.users, options.songs = 20_000, 1_000, 500
        options.rate, options.seconds, options.warm_up, options.reference_limit = 200, 5, 2, 90
    return options


def _measure(platform: SecondPlatform, world: work.World, options: argparse.Namespace) -> dict[str, Any]:
    produced_s = work.leave_backlog(platform, world, options.events)

    work.say("the stream job catches up")
    caught_up, cost = work.measured_catch_up(platform, options.events)
    work.say(f"caught up at {caught_up.events_per_s:,.0f} events/s")
    different = audit.metrics_that_differ(platform.postgres_dsn)
    books = audit.books(platform.postgres_dsn)
    batches = work.batches(platform)
    copied = {
        name: reference.plain_copy(platform, indexes=indexes)
        for name, indexes in (("without_indexes", False), ("with_indexes", True))
    }

    work.say("the rollups count what was caught up on")
    work.wait_until_counted(platform)
    measured, delays, final_s = _latency(platform, world, options)
    work.say(f"{measured:,} events measured: {delays}")
    rate = caught_up.events_per_s
    beside = {} if options.reference == "none" else _references(platform, options)
    cpu = cost.cpu_seconds_per_million
    return {
        "conditions": {
            "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "machine": machine.platform(),
            "load_average_at_the_end": os.getloadavg(),
            "users": world.users,
            "songs": world.songs,
            "latency_rate": options.rate,
        },
        "events": options.events,
        "produced_events_per_s": options.events / produced_s,
        "catchup_events_per_s": rate,
        "catchup_events_per_s_from_launch": caught_up.events_per_s_from_launch,
        "catchup_events_per_s_from_first_read": caught_up.events_per_s_from_first_read,
        "catchup_events_per_s_after_the_first_batch": caught_up.events_per_s_after_first,
        **{name: beside.get(name) for name in _BESIDE},
        **{f"times_{name}": _quotient(rate, beside.get(f"{name}_events_per_s")) for name in _PLAIN},
        **{
            f"times_{name}_after_the_first_batch": _quotient(
                caught_up.events_per_s_after_first, beside.get(f"{name}_events_per_s_after_the_first_batch")
            )
            for name in _PLAIN
        },
        "share_of_read_parse": _quotient(rate, beside.get("read_parse_events_per_s")),
        "copy_of_the_facts_rows_per_s": copied,
        "share_of_copy": rate / copied["without_indexes"],
        "latency_ms": delays["event to visible row"],
        "latency_kinds_ms": delays,
        # The simulator's rate is a week's average: what came in the measured time tells.
        "latency_events_per_s": measured / options.seconds,
        "final_after_watermark_delay_s": final_s,
        "cpu_seconds_per_million": sum(cpu.values()),
        "cpu_seconds_per_million_by_component": cpu,
        "peak_rss_bytes": cost.peak_bytes,
        "bytes_per_event": cost.bytes_per_event,
        "batches": batches,
        "books": asdict(books),
        "metric_rows_that_differ_from_the_facts": len(different),
    }


_PLAIN = {"reference": None, "reference_tuned": reference.TUNED_SHUFFLE_PARTITIONS}
"""The plain design's runs: name -> shuffle partitions (None: Spark's default)."""
_BESIDE = (
    *(
        f"{name}{what}"
        for name in _PLAIN
        for what in ("", "_events_per_s", "_events_per_s_after_the_first_batch")
    ),
    "read_parse_events_per_s",
)
"""What `_references` measures."""


def _references(platform: SecondPlatform, options: argparse.Namespace) -> dict[str, Any]:
    """What Spark does by itself, and the plain design, with the same topic; the stream job is stopped."""
    work.stop_job(platform)
    topic_events = audit.books(platform.postgres_dsn).read
    work.say("Spark's own reading and parsing of the topic")
    found: dict[str, Any] = {"read_parse_events_per_s": reference.read_and_parse(platform, topic_events)}
    for name, partitions in _PLAIN.items():
        if partitions is None and options.reference == "tuned":
            continue
        work.say(f"the plain design with {partitions or 'default'} shuffle partitions")
        plain = reference.plain_design(platform, options.events, options.reference_limit, partitions)
        found |= {
            name: asdict(plain),
            f"{name}_events_per_s": plain.events_per_s,
            f"{name}_events_per_s_after_the_first_batch": plain.events_per_s_after_first,
        }
    return found


def _quotient(rate: float | None, other: float | None) -> float | None:
    return rate / other if rate and other else None


def _latency(
    platform: SecondPlatform, world: work.World, options: argparse.Namespace
) -> tuple[int, dict[str, dict[str, float]], list[float]]:
    # Others than those of the catch-up: their dimensions would be published, and read, a third time.
    few = replace(world, users=min(world.users, 10_000), songs=min(world.songs, 5_000))
    stored = work.facts(platform)
    with work.producing(platform, few, options.rate):
        # It publishes its dimensions first.
        work.wait_for_events(platform, stored + options.rate)
        work.wait_until_idle(platform)
        latency.wait(options.warm_up, "warming up")
        ((since,),) = work.query(platform.postgres_dsn, "SELECT clock_timestamp()")
        latency.wait(options.seconds, f"measuring at {options.rate} events/s")
        dsn = platform.postgres_dsn
        return *latency.measure(dsn, since), latency.final_delays(dsn, since)


_ROWS = (
    ("catch-up, events/s", "catchup_events_per_s", "40,000"),
    ("the same from the first read", "catchup_events_per_s_from_first_read", ""),
    ("the same from the launch of the job", "catchup_events_per_s_from_launch", ""),
    ("the same, batches after the first", "catchup_events_per_s_after_the_first_batch", ""),
    ("plain design, default settings, events/s", "reference_events_per_s", ""),
    ("plain design, 4 shuffle partitions, events/s", "reference_tuned_events_per_s", ""),
    ("times the plain design", "times_reference", "8"),
    ("times the plain design, 4 shuffle partitions", "times_reference_tuned", "4"),
    ("the same, batches after the first", "times_reference_after_the_first_batch", "8"),
    ("the same, 4 shuffle partitions", "times_reference_tuned_after_the_first_batch", "4"),
    ("Spark's own read + parse, events/s", "read_parse_events_per_s", ""),
    ("share of it", "share_of_read_parse", "0.5"),
    ("the whole as a share of COPY of the facts alone", "share_of_copy", ""),
    ("CPU seconds per million events", "cpu_seconds_per_million", ""),
    ("peak resident memory, bytes", "peak_rss_bytes", ""),
    ("database bytes per event", "bytes_per_event", ""),
)


def _print(result: dict[str, Any]) -> None:
    print(f"\n{json.dumps(result['conditions'])}\n{'figure':48}{'measured':>16}{'goal':>10}")
    for label, key, goal in _ROWS:
        value = "not measured" if result[key] is None else f"{result[key]:,.2f}"
        print(f"{label:48}{value:>16}{goal:>10}")
    for share, goal in (("p50", "500"), ("p95", "1,000"), ("p99", "2,000")):
        label = f"event to visible row, {share}, ms"
        print(f"{label:48}{result['latency_ms'][share]:16,.0f}{goal:>10}")
    print(f"window final, seconds beyond the watermark's delay: {result['final_after_watermark_delay_s']}")
    print(f"books: {result['books']}")
    print(f"metric rows that differ: {result['metric_rows_that_differ_from_the_facts']}")


if __name__ == "__main__":
    main()
