"""Topics against a real broker: made, changed while they live, never shrunk."""

import secrets
from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from music_contract import cli
from music_contract.publish.topics import apply
from music_contract.publish.waiting import RefusalError
from music_contract.topics import STREAM_EVENTS, TOPICS, Topic

from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.integration

WAIT_S = 30.0

Apply = Callable[[Topic], list[str]]


@pytest.fixture
def topic() -> Topic:
    """A topic of this test's own."""
    name = f"test.topics.{secrets.token_hex(4)}"
    return replace(TOPICS[STREAM_EVENTS], name=name, partitions=2)


@pytest.fixture
def apply_one(platform: SecondPlatform) -> Apply:
    return lambda topic: apply({topic.name: topic}, platform.kafka_bootstrap_servers, 1, WAIT_S)


def state_of(platform: SecondPlatform, topic: Topic) -> tuple[int, dict[str, str]]:
    """Return the broker's count of partitions and settings."""
    client = AdminClient(platform.kafka_client)
    resource = ConfigResource(ResourceType.TOPIC, topic.name)
    answer = client.describe_configs([resource])[resource].result(WAIT_S)
    partitions = client.list_topics(topic.name, timeout=WAIT_S).topics[topic.name].partitions
    return len(partitions), {name: entry.value for name, entry in answer.items()}


def test_a_topic_is_made_as_described_and_left_alone_the_second_time(
    platform: SecondPlatform, topic: Topic, apply_one: Apply
) -> None:
    told = apply_one(topic)
    print(told)
    assert "created: 2 partitions, 1 replica(s)" in told[0]
    partitions, settings = state_of(platform, topic)
    assert partitions == 2
    assert settings["retention.ms"] == "604800000"
    assert settings["cleanup.policy"] == "delete"
    assert settings["min.insync.replicas"] == "1"
    assert settings["unclean.leader.election.enable"] == "false"
    assert apply_one(topic) == [f"{topic.name}: unchanged"]


def test_a_living_topic_takes_another_retention_and_cleanup(
    platform: SecondPlatform, topic: Topic, apply_one: Apply
) -> None:
    apply_one(topic)
    told = apply_one(replace(topic, retention_ms=86_400_000, cleanup_policy="compact"))
    assert told == [f"{topic.name}: cleanup.policy delete -> compact; retention.ms 604800000 -> 86400000"]
    settings = state_of(platform, topic)[1]
    assert (settings["retention.ms"], settings["cleanup.policy"]) == ("86400000", "compact")


def test_a_topic_grows_when_asked_for_more_partitions(
    platform: SecondPlatform, topic: Topic, apply_one: Apply
) -> None:
    apply_one(topic)
    assert "partitions 2 -> 5" in apply_one(replace(topic, partitions=5))[0]
    assert state_of(platform, topic)[0] == 5


def test_a_topic_that_would_shrink_stops_all_changes(
    platform: SecondPlatform, topic: Topic, apply_one: Apply
) -> None:
    apply_one(topic)
    other = replace(topic, name=f"{topic.name}.other")
    smaller = replace(topic, partitions=1)
    with pytest.raises(RefusalError, match="has 2 partitions and cannot shrink to 1"):
        apply({other.name: other, smaller.name: smaller}, platform.kafka_bootstrap_servers, 1, WAIT_S)
    client = AdminClient(platform.kafka_client)
    assert other.name not in client.list_topics(timeout=WAIT_S).topics


def test_the_command_refuses_to_shrink_with_a_sentence_and_code_1(
    platform: SecondPlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--bootstrap-servers",
        platform.kafka_bootstrap_servers,
        "--set",
        f"{STREAM_EVENTS}.partitions=9",
    ]
    assert cli.main(["topics", "apply", *arguments]) == 1
    assert f"{STREAM_EVENTS} has 10 partitions and cannot shrink to 9" in capsys.readouterr().err


def test_too_few_brokers_are_waited_for_and_then_told(
    platform: SecondPlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--bootstrap-servers",
        platform.kafka_bootstrap_servers,
        "--broker-count",
        "3",
        "--wait",
        "1",
    ]
    assert cli.main(["topics", "apply", *arguments]) == 1
    assert "1 of 3 brokers are there" in capsys.readouterr().err
