"""The rights of Kafka's users as the broker is told them."""

from confluent_kafka.admin import AclOperation, AclPermissionType, ResourcePatternType, ResourceType
from music_contract.publish import access


def told(user: str) -> set[tuple[ResourceType, str, ResourcePatternType, AclOperation]]:
    """What a user is allowed, after what is the same for all of it."""
    bindings = list(access._bindings(user))
    assert all(binding.principal == f"User:{user}" and binding.host == "*" for binding in bindings)
    assert all(binding.permission_type == AclPermissionType.ALLOW for binding in bindings)
    return {
        (binding.restype, binding.name, binding.resource_pattern_type, binding.operation)
        for binding in bindings
    }


def test_a_name_without_a_star_is_that_name_alone() -> None:
    assert (
        ResourceType.TOPIC,
        "music.stream-events.dlq",
        ResourcePatternType.LITERAL,
        AclOperation.WRITE,
    ) in told("stream")


def test_a_name_that_ends_with_a_star_is_a_prefix() -> None:
    groups = {(name, pattern) for kind, name, pattern, _ in told("stream") if kind == ResourceType.GROUP}
    assert groups == {
        ("spark-kafka-source-", ResourcePatternType.PREFIXED),
        ("music-stream-", ResourcePatternType.PREFIXED),
    }


def test_a_star_alone_is_every_name_as_kafka_writes_it() -> None:
    groups = {(name, pattern) for kind, name, pattern, _ in told("operator") if kind == ResourceType.GROUP}
    assert groups == {("*", ResourcePatternType.LITERAL)}


def test_the_producer_is_told_to_write_its_topics_and_nothing_else() -> None:
    dimensions = ("users", "songs", "artists", "albums", "devices", "locations")
    topics = ["music.stream-events", *(f"music.{name}" for name in dimensions)]
    assert told("producer") == {
        (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, operation)
        for topic in topics
        for operation in (AclOperation.WRITE, AclOperation.DESCRIBE)
    }


def test_nobody_may_do_everything_with_anything_or_change_the_cluster() -> None:
    for user in access.USERS:
        for kind, _, _, operation in told(user):
            assert kind in (ResourceType.TOPIC, ResourceType.GROUP)
            assert operation in (
                AclOperation.READ,
                AclOperation.WRITE,
                AclOperation.DESCRIBE,
                AclOperation.DESCRIBE_CONFIGS,
            )


def test_what_is_taken_away_is_exactly_the_right_and_no_other() -> None:
    for binding in access._bindings("stream"):
        taken = access._filter(binding)
        assert vars(taken) == vars(binding)
