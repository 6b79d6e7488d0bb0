"""The producer against a real broker and registry: what it says it delivered is there, once, in order."""

import json
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from music_contract import schemas, times
from music_contract.rules import MAX_FUTURE
from music_contract.topics import DIMENSIONS, STREAM_EVENTS, TOPICS
from music_contract.wire import unframe
from music_producer.sending.delivery import Delivery, RecordRefusedError
from music_producer.source import Record

from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

COMMAND = Path(sys.executable).parent / "music-producer"
SMALL_WORLD = ("--users", "40", "--songs", "50", "--seed", "4711")
LIMIT_S = 60.0


class Log:
    """What was written to one topic since this was made, or since the topic was."""

    def __init__(self, platform: SecondPlatform, topic: str, *, from_start: bool = False) -> None:
        self._consumer = Consumer({**platform.kafka_client, "group.id": secrets.token_hex(4)})
        partitions = self._consumer.list_topics(topic, timeout=LIMIT_S).topics[topic].partitions
        self._topic = topic
        self._starts = {partition: 0 if from_start else self._end(partition) for partition in partitions}

    def read(self) -> list[tuple[bytes, bytes]]:
        """Return the keys and values up to the present end, each partition's in order."""
        left = {partition: self._end(partition) for partition in self._starts}
        left = {partition: end for partition, end in left.items() if end > self._starts[partition]}
        self._consumer.assign([TopicPartition(self._topic, part, self._starts[part]) for part in left])
        found = []
        while left:
            message = self._consumer.poll(LIMIT_S)
            assert message is not None, f"nothing more came; the ends {left} were not reached"
            assert message.error() is None, message.error()
            partition = message.partition()
            if partition not in left:
                continue  # beyond the end that was there when reading began
            found.append((message.key(), message.value()))
            if message.offset() + 1 >= left[partition]:
                del left[partition]
        return found

    def _end(self, partition: int) -> int:
        return int(
            self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=LIMIT_S)[1]
        )


@contextmanager
def producer(
    platform: SecondPlatform, report: Path, *options: str, **more: str
) -> Iterator["subprocess.Popen[str]"]:
    addresses = {
        "--bootstrap-servers": platform.kafka_bootstrap_servers,
        "--registry-url": more.get("registry_url", platform.schema_registry_url),
    }
    words = [word for pair in addresses.items() for word in pair]
    log = report.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [COMMAND, "run", *SMALL_WORLD, "--report", report, *words, *options], stderr=errors, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        print(log.read_text())


def read_report(path: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return report


@pytest.fixture
def new_topic() -> str:
    return f"test.delivery.{secrets.token_hex(4)}"


def create(platform: SecondPlatform, topic: str) -> None:
    client = AdminClient(platform.kafka_client)
    client.create_topics([NewTopic(topic, 2, 1)])[topic].result(LIMIT_S)


def test_the_report_counts_exactly_what_the_topics_hold(platform: SecondPlatform, tmp_path: Path) -> None:
    logs = {name: Log(platform, name) for name, topic in TOPICS.items() if topic.schema}
    report_path = tmp_path / "report.json"
    with producer(platform, report_path, "--rate", "300", "--events", "700") as process:
        assert process.wait(LIMIT_S) == 0
    report = read_report(report_path)
    print(report)
    assert (report["acknowledged_events"], report["unacknowledged"], report["finished"]) == (700, 0, True)
    client = SchemaRegistryClient({"url": platform.schema_registry_url})
    for name, log in logs.items():
        written = log.read()
        topic, schema = TOPICS[name], schemas.SUBJECTS[name]
        assert report["acknowledged"][name] == len(written) > 0
        registered = client.get_latest_version(topic.subject).schema_id
        for key, value in written:
            schema_id, payload = unframe(value)
            record = schemas.read(schema, payload)
            assert not isinstance(record, schemas.Rejection), record
            assert (schema_id, key.decode()) == (registered, record[topic.key or ""])
    events = [json.loads(unframe(value)[1]) for _, value in logs[STREAM_EVENTS].read()]
    moments = sorted(event["event_time"] for event in events)
    assert len({event["event_id"] for event in events}) == 700
    assert report["seed"] == 4711
    assert (report["smallest_event_time"], report["largest_event_time"]) == (moments[0], moments[-1])


def test_what_events_refer_to_is_there_before_them(platform: SecondPlatform, tmp_path: Path) -> None:
    logs = {name: Log(platform, topic.name) for name, topic in DIMENSIONS.items()}
    report_path = tmp_path / "report.json"
    with producer(platform, report_path, "--rate", "100") as process:
        wait_until(lambda: read_report(report_path).get("acknowledged_events"), LIMIT_S, "the first event")
        published = Counter({name: len(log.read()) for name, log in logs.items()})
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    print(published)
    assert published["user"] > 30
    assert published["song"] > 50
    assert published["location"] == 500


def test_a_backfill_that_reaches_the_present_tells_nothing_of_the_future(
    platform: SecondPlatform, tmp_path: Path
) -> None:
    logs = {name: Log(platform, topic.name) for name, topic in DIMENSIONS.items()}
    start = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    crowd = ("--users", "60000", "--rate", "1", "--start", start, "--duration", "3")
    with producer(platform, tmp_path / "report.json", *crowd) as process:
        assert process.wait(LIMIT_S) == 0
    latest = times.to_text(times.epoch_ms(datetime.now(UTC) + MAX_FUTURE))
    for name, log in logs.items():
        states = [json.loads(unframe(value)[1])["updated_at"] for _, value in log.read() if value]
        assert max(states) < latest, name
    assert len(states) > 0


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_unsent(
    platform: SecondPlatform, tmp_path: Path, asked: signal.Signals
) -> None:
    log = Log(platform, STREAM_EVENTS)
    report_path = tmp_path / "report.json"
    truth = tmp_path / "truth"
    with producer(platform, report_path, "--rate", "300", "--truth", str(truth)) as process:
        wait_until(lambda: read_report(report_path).get("acknowledged_events"), LIMIT_S, "the first event")
        assert not json.loads((truth / "truth.json").read_text())["complete"]
        process.send_signal(asked)
        assert process.wait(LIMIT_S) == 0
    report = read_report(report_path)
    print(report)
    assert (report["unacknowledged"], report["finished"]) == (0, True)
    assert report["acknowledged_events"] == len(log.read())
    told = json.loads((truth / "truth.json").read_text())
    assert told["complete"]
    assert told["records"] == told["facts"] == report["acknowledged_events"]


def test_a_registry_that_is_away_is_asked_again_until_told_to_stop(
    platform: SecondPlatform, tmp_path: Path
) -> None:
    report_path = tmp_path / "report.json"
    with producer(platform, report_path, registry_url="http://127.0.0.1:1/apis/ccompat/v7") as process:
        told = report_path.with_suffix(".log")
        wait_until(
            lambda: "is not ready, asking again" in told.read_text(), LIMIT_S, "a line on the registry"
        )
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    assert not report_path.exists()


def test_records_for_a_topic_that_comes_late_arrive_all_and_in_order(
    platform: SecondPlatform, new_topic: str
) -> None:
    delivery = Delivery(platform.kafka_bootstrap_servers, {})
    for number in range(500):
        delivery.send(Record(new_topic, b"key", str(number).encode()))
    many = [str(number).encode() for number in range(500, 1_000)]
    delivery.send_all(new_topic, many, [b"key"] * len(many))

    def refused() -> int:
        delivery.serve(0.1)
        return delivery.tally.resent

    wait_until(refused, LIMIT_S, "the first client's failure")
    create(platform, new_topic)
    assert delivery.flush() == 0
    assert delivery.tally.acknowledged == {new_topic: 1_000}
    written = Log(platform, new_topic, from_start=True).read()
    assert [int(value) for _, value in written] == list(range(1_000))
    assert delivery.outages.count == 1


def test_a_record_that_kafka_refuses_for_its_size_is_told_and_not_tried_for_ever(
    platform: SecondPlatform, new_topic: str
) -> None:
    create(platform, new_topic)
    delivery = Delivery(platform.kafka_bootstrap_servers, {})
    delivery.send(Record(new_topic, b"key", b"x" * 2_000_000))
    with pytest.raises(RecordRefusedError, match="2000000 bytes"):
        delivery.flush()


def test_giving_up_ends_the_wait_for_a_broker_that_is_away(tmp_path: Path) -> None:
    insisted = False
    waited = 0

    def meanwhile() -> None:
        nonlocal insisted, waited
        waited += 1
        insisted = waited >= 3

    delivery = Delivery("127.0.0.1:1", {}, give_up=lambda: insisted, meanwhile=meanwhile)
    delivery.send(Record("test.nowhere", b"key", b"value"))
    assert delivery.flush() == 1
    assert waited == 3
