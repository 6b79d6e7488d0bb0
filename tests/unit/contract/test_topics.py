"""The topics as data, and the plan that brings a broker to them."""

import pytest
from music_contract.publish.topic_plan import LivingTopic, durable_settings, plan
from music_contract.topics import DEAD_LETTERS, DIMENSIONS, STREAM_EVENTS, TOPICS, Override, overridden

DAY_MS = 86_400_000
EVENTS = TOPICS[STREAM_EVENTS]


def living(partitions: int = 10, replicas: int = 1, **changes: str) -> LivingTopic:
    settings = {
        **durable_settings(EVENTS, replicas),
        **{name.replace("_", "."): v for name, v in changes.items()},
    }
    return LivingTopic(partitions, replicas, settings)


def test_the_topics_are_those_of_the_design() -> None:
    assert (EVENTS.partitions, EVENTS.cleanup_policy, EVENTS.retention_ms) == (10, "delete", 7 * DAY_MS)
    assert TOPICS[DEAD_LETTERS].retention_ms == 30 * DAY_MS
    assert set(DIMENSIONS) == {"user", "song", "artist", "album", "device", "location"}
    assert {(topic.partitions, topic.cleanup_policy) for topic in DIMENSIONS.values()} == {(3, "compact")}


@pytest.mark.parametrize(
    ("brokers", "replicas", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (5, 3, "2")]
)
def test_replicas_follow_the_count_of_brokers(brokers: int, replicas: int, in_sync: str) -> None:
    creation = plan(EVENTS, None, brokers)
    assert creation.create_replicas == replicas
    assert creation.settings["min.insync.replicas"] == in_sync
    assert creation.settings["unclean.leader.election.enable"] == "false"
    assert creation.settings["retention.ms"] == str(7 * DAY_MS)


def test_a_topic_as_it_should_be_is_left_alone() -> None:
    step = plan(EVENTS, living(), 1)
    assert (step.report, step.grow_to, step.settings, step.refusal) == ("unchanged", 0, {}, "")


def test_only_the_setting_that_differs_is_changed() -> None:
    step = plan(EVENTS, living(retention_ms="1000"), 1)
    assert step.settings == {"retention.ms": str(7 * DAY_MS)}
    assert step.report == f"retention.ms 1000 -> {7 * DAY_MS}"


def test_a_topic_grows_but_never_shrinks() -> None:
    assert plan(EVENTS, living(partitions=4), 1).grow_to == 10
    refusal = plan(EVENTS, living(partitions=12), 1).refusal
    assert "has 12 partitions and cannot shrink to 10" in refusal


def test_a_topic_with_one_replica_never_demands_two_in_sync() -> None:
    step = plan(EVENTS, living(replicas=1), 3)
    assert "min.insync.replicas" not in step.settings
    assert "a reassignment by hand could make it 3" in step.report


def test_an_override_replaces_one_value_of_one_topic() -> None:
    topics = overridden(
        [Override.parse("music.users.partitions=6"), Override.parse("music.stream-events.retention_ms=5")]
    )
    assert topics["music.users"].partitions == 6
    assert topics[STREAM_EVENTS].retention_ms == 5
    assert TOPICS["music.users"].partitions == 3


@pytest.mark.parametrize(
    "text", ["music.nobody.partitions=3", "music.users.key=3", "music.users.partitions=0", "x"]
)
def test_a_wrong_override_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=text.split("=")[0]):
        Override.parse(text)
