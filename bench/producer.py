"""How many events a second the simulator delivers, beside a bare loop that sends the same records.

    python -m bench.producer [--events N] [--users N] [--songs N] [--rounds N]
                             [--large-users N] [--large-songs N]

Starts a broker of its own, and nothing else, so that the simulator (one process) and the broker share the
machine. Every imperfection, an experiment and the ground truth are on. The bare loop reads the records that
the simulator has sent back into dictionaries and then does nothing but orjson and produce, with the same
client settings.

A large world follows: how long it takes from the beginning of the simulator until Kafka has every dimension
record and events flow, and its memory. A user's memory is the difference of the peaks of both worlds over the
difference of their users, songs included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform as machine
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition
from music_contract import wire
from music_contract.topics import STREAM_EVENTS, TOPICS
from music_producer.run import make_population, produce
from music_producer.sending.registry import SchemaIds
from music_producer.sending.stopping import Stop
from music_producer.settings import Settings

from tests import broker

CHECKOUT = Path(__file__).parents[1]
RESULT = CHECKOUT / "build" / "bench" / "producer.json"
SCHEMA_ID, OLDER_SCHEMA_ID = 2, 1
START = "2026-11-02T00:00:00Z"
LOOP_RECORDS = 200_000


def simulate(bootstrap_servers: str, users: int, songs: int, events: int, answer: Any) -> None:
    """Run the simulator for so many events; answers with its seconds, rates and memory."""
    with tempfile.TemporaryDirectory(prefix="music-truth-") as directory:
        settings = Settings(
            bootstrap_servers=bootstrap_servers,
            registry_url="http://nobody.asks",
            users=users,
            songs=songs,
            rate=users / 400,
            start=START,
            events=events,
            late=0.01,
            duplicates=0.01,
            out_of_order=0.01,
            malformed=0.001,
            unpublished=0.0001,
            old_schema=0.01,
            experiments="home:skip_rate-10%,aa:none",
            truth=Path(directory) / "truth",
            report=Path(directory) / "report.json",
        )
        began = time.monotonic()
        population = make_population(settings)
        ready = time.monotonic()
        ids = SchemaIds({name: SCHEMA_ID for name, topic in TOPICS.items() if topic.schema}, OLDER_SCHEMA_ID)
        used = _cpu_seconds()
        assert produce(settings, Stop(), ids, population)
        used = _cpu_seconds() - used
        report = json.loads((Path(directory) / "report.json").read_text())
        truth = json.loads((Path(directory) / "truth" / "truth.json").read_text())
    assert report["acknowledged_events"] == truth["records"] == events
    assert truth["complete"]
    answer.put(
        {
            "events_per_s": report["events_per_s"],
            "seconds_to_make_the_world": round(ready - began, 1),
            "seconds_until_the_first_event": round(ready - began + report["seconds_to_first_event"], 1),
            "cpu_us_per_event": round(used / events * 1e6, 2),
            "dimension_records": report["acknowledged_dimensions"],
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "truth": {name: truth[name] for name in ("records", "facts", "faults")},
        }
    )


def bare_loop(bootstrap_servers: str, events: int, answer: Any) -> None:
    """Send so many of the records that are in the topic again, with nothing but orjson and produce."""
    records = _read(bootstrap_servers, LOOP_RECORDS)
    prefix = wire.frame(SCHEMA_ID, b"")
    client = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 200_000,
        }
    )
    began, used = time.monotonic(), _cpu_seconds()
    sent = 0
    while sent < events:
        for record, key in records[: events - sent]:
            while True:
                try:
                    client.produce(STREAM_EVENTS, prefix + orjson.dumps(record), key)
                    break
                except BufferError:
                    client.poll(0.01)
        sent += min(len(records), events - sent)
        client.poll(0)
    client.flush()
    answer.put(
        {
            "events_per_s": round(events / (time.monotonic() - began), 1),
            "cpu_us_per_event": round((_cpu_seconds() - used) / events * 1e6, 2),
        }
    )


def _cpu_seconds() -> float:
    """What this process has used of its cores, all threads together."""
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)


def _read(bootstrap_servers: str, count: int) -> list[tuple[dict[str, Any], bytes]]:
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "bench"})
    partitions = range(TOPICS[STREAM_EVENTS].partitions)
    consumer.assign([TopicPartition(STREAM_EVENTS, partition, 0) for partition in partitions])
    records: list[tuple[dict[str, Any], bytes]] = []
    while len(records) < count:
        for message in consumer.consume(10_000, 5.0):
            try:
                records.append((orjson.loads(wire.unframe(message.value())[1]), message.key()))
            except orjson.JSONDecodeError:
                continue  # one of the malformed ones
    consumer.close()
    return records[:count]


def _in_a_process(work: Any, *words: Any) -> dict[str, Any]:
    # Not forked: each begins with a memory of its own.
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=work, args=(*words, answer))
    process.start()
    result: dict[str, Any] = answer.get()
    process.join()
    return result


def main() -> None:
    """Measure, print, and write build/bench/producer.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=3_000_000, help="(default: %(default)s)")
    parser.add_argument("--users", type=int, default=200_000, help="(default: %(default)s)")
    parser.add_argument("--songs", type=int, default=100_000, help="(default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--large-users", type=int, default=1_000_000, help="(default: %(default)s)")
    parser.add_argument("--large-songs", type=int, default=500_000, help="(default: %(default)s)")
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        with broker.start() as bootstrap_servers:
            made = _in_a_process(simulate, bootstrap_servers, options.users, options.songs, options.events)
            loop = _in_a_process(bare_loop, bootstrap_servers, options.events)
        ratio = round(made["events_per_s"] / loop["events_per_s"], 3)
        rounds.append(
            {
                **made,
                "bare_loop_events_per_s": loop["events_per_s"],
                "bare_loop_cpu_us_per_event": loop["cpu_us_per_event"],
                "ratio": ratio,
            }
        )
        print(
            f"simulator {made['events_per_s']:,.0f} events/s, bare loop {loop['events_per_s']:,.0f}/s, "
            f"ratio {ratio}; first event after {made['seconds_until_the_first_event']} s; of processor time "
            f"{made['cpu_us_per_event']} and {loop['cpu_us_per_event']} us an event",
            flush=True,
        )
    with broker.start() as bootstrap_servers:
        large = _in_a_process(
            simulate, bootstrap_servers, options.large_users, options.large_songs, options.events
        )
    more_bytes = large["peak_bytes"] - rounds[0]["peak_bytes"]
    large["bytes_per_user"] = round(more_bytes / (options.large_users - options.users))
    print(
        f"{options.large_users:,} users and {options.large_songs:,} songs: the first event after "
        f"{large['seconds_until_the_first_event']} s with {large['dimension_records']:,} dimension records, "
        f"then {large['events_per_s']:,.0f} events/s; memory {large['peak_bytes'] / 1e6:,.0f} MB at most, "
        f"{large['bytes_per_user']} bytes a user",
        flush=True,
    )
    middle = sorted(rounds, key=lambda figures: figures["ratio"])[len(rounds) // 2]
    result = {
        "conditions": {
            "cores": os.cpu_count(),
            "machine": machine.platform(),
            "load_average": os.getloadavg(),
            "users": options.users,
            "songs": options.songs,
            "events": options.events,
            "partitions": TOPICS[STREAM_EVENTS].partitions,
        },
        **middle,
        "rounds": rounds,
        "large_world": {"users": options.large_users, "songs": options.large_songs, **large},
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {RESULT.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    main()
