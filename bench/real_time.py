"""What Spark's real-time mode would give: how long an event takes through reading and parsing, in it and in
micro-batches, one after the other in one run.

    python -m bench.real_time [--rate 1000] [--seconds 30] [--warm-up 60]

Starts a platform of its own, stops its stream job, and runs a query that only reads, parses and passes on
(bench.plain_job) while events come at a steady rate. The time is that between the appends to the two topics,
by the broker's clock. In real-time mode all tasks of a query run at once, one for each partition: here Spark
runs as one process with as many slots.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic
from music_contract.topics import STREAM_EVENTS, TOPICS
from music_platform.hosts import processes

from bench import latency, reference, resources, work
from tests import second_platform
from tests.second_platform import SecondPlatform

RESULT = Path(__file__).parents[1] / "build" / "bench" / "real_time.json"
TRIGGERS = ("real-time", "micro-batch")


def main() -> None:
    """Measure both, print a table, and write build/bench/real_time.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=1_000, help="events a second (1000)")
    parser.add_argument("--seconds", type=int, default=30, help="seconds to measure (30)")
    parser.add_argument("--warm-up", type=int, default=60, help="seconds before them (60)")
    options = parser.parse_args()
    work.end_on_sigterm()
    print("a platform of its own starts; it is destroyed in the end", flush=True)
    with second_platform.start(RATE=0) as platform:
        work.stop_job(platform)
        with work.producing(platform, work.World(10_000, 5_000), options.rate):
            found = {trigger: _passed_on(platform, trigger, options) for trigger in TRIGGERS}
    conditions = {"cores": os.cpu_count(), "load_average_at_the_end": os.getloadavg(), "rate": options.rate}
    work.write(RESULT, {"conditions": conditions, **found})
    print(f"\n{json.dumps(conditions)}\n{'trigger':12}" + "".join(f"{name:>13}" for name in _FIGURES))
    for trigger, figures in found.items():
        print(f"{trigger:12}" + "".join(f"{figures[name]:13,.1f}" for name in _FIGURES))


_FIGURES = ("p50_ms", "p95_ms", "p99_ms", "cpu_seconds", "events")


def _passed_on(platform: SecondPlatform, trigger: str, options: argparse.Namespace) -> dict[str, float]:
    topic = f"bench.{trigger}"
    partitions = TOPICS[STREAM_EVENTS].partitions
    settings = {"message.timestamp.type": "LogAppendTime"}
    # Its answers are lost with it.
    admin = AdminClient(platform.kafka_client)
    admin.create_topics([NewTopic(topic, partitions, 1, config=settings)])[topic].result()
    slots = f"--master local[{partitions + 2}]"
    with (
        tempfile.TemporaryFile("w+") as log,
        reference.started(platform, ["pass-on", trigger, topic], [slots], log) as process,
    ):
        latency.wait(options.warm_up, f"{trigger}: warming up")
        began, used = time.time(), _cpu_seconds(process)
        latency.wait(options.seconds, f"{trigger}: measuring at {options.rate} events/s")
        ended, used = time.time(), _cpu_seconds(process) - used
        if process.poll() is not None:
            log.seek(0)
            raise RuntimeError(f"the query has ended:\n{log.read()[-4_000:]}")
    delays = sorted(_delays(platform, topic, began, ended))
    if len(delays) < 100:
        raise RuntimeError(f"only {len(delays)} events were passed on: give it more time (--warm-up)")
    cuts = statistics.quantiles(delays, n=100)
    figures = {"p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98], "cpu_seconds": used}
    return {**{name: round(value, 1) for name, value in figures.items()}, "events": len(delays)}


def _cpu_seconds(process: subprocess.Popen[str]) -> float:
    return sum(map(resources.cpu_seconds, processes.tree(process.pid)))


def _delays(platform: SecondPlatform, topic: str, began: float, ended: float) -> Iterator[float]:
    """Milliseconds between the two appends, of the events passed on between two moments."""
    settings = {"group.id": topic, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**platform.kafka_client, **settings, "enable.partition.eof": True})
    consumer.subscribe([topic])
    left = TOPICS[STREAM_EVENTS].partitions
    try:
        while left:
            message = consumer.poll(10)
            if message is None:
                raise RuntimeError(f"{topic} cannot be read")
            if message.error():
                left -= 1
                continue
            appended_ms = message.timestamp()[1]
            if began * 1000 <= appended_ms <= ended * 1000:
                yield appended_ms - json.loads(message.value())["appended_at_us"] / 1000
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
