"""Makes the users of Kafka and what each of them may do; everything else is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from music_contract import topics
from music_contract.publish.waiting import RefusalError

_ANSWER_SECONDS = 30.0
_ITERATIONS = 8192

READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
CONFIGS = AclOperation.DESCRIBE_CONFIGS


@dataclass(frozen=True)
class Right:
    """What a user may do with a topic or a group of consumers; a name that ends with * is a prefix."""

    kind: ResourceType
    name: str
    operations: tuple[AclOperation, ...]


def _sources(*operations: AclOperation) -> tuple[Right, ...]:
    names = [topics.STREAM_EVENTS, *(topic.name for topic in topics.DIMENSIONS.values())]
    return tuple(Right(ResourceType.TOPIC, name, operations) for name in names)


USERS: Mapping[str, tuple[Right, ...]] = {
    # Writes events and dimensions, and sees how far the topics have come.
    "producer": _sources(WRITE, DESCRIBE),
    # Reads them, and writes what it cannot use to the dead letters, whose values it may read again.
    "stream": (
        *_sources(READ, DESCRIBE, CONFIGS),
        Right(ResourceType.TOPIC, topics.DEAD_LETTERS, (WRITE, DESCRIBE)),
        Right(ResourceType.GROUP, "spark-kafka-source-*", (READ, DESCRIBE)),
        Right(ResourceType.GROUP, "music-stream-*", (READ, DESCRIBE)),
    ),
    # People: replays, imports, the smoke test.
    "operator": (
        Right(ResourceType.TOPIC, "music.*", (READ, WRITE, DESCRIBE, CONFIGS)),
        Right(ResourceType.GROUP, "*", (READ, DESCRIBE)),
    ),
}


def apply(client: AdminClient, passwords: Mapping[str, str]) -> list[str]:
    """Make each user with its password and exactly its rights; return a line a user.

    Raises:
        RefusalError: the broker turns it down.
    """
    credentials: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(
            user,
            ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS),
            passwords[user].encode(),
        )
        for user in USERS
    ]
    try:
        for answer in client.alter_user_scram_credentials(credentials).values():
            answer.result(_ANSWER_SECONDS)
        return [f"{user}: {_bring(client, user)}" for user in USERS]
    except KafkaException as error:
        raise RefusalError(f"Kafka does not take its users: {error}") from error


def _bring(client: AdminClient, user: str) -> str:
    wanted = set(_bindings(user))
    any_of_user = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type] # stands for any name; the package's types do not know it
        ResourcePatternType.ANY,
        f"User:{user}",
        None,  # type: ignore[arg-type] # any host
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    held = set(client.describe_acls(any_of_user).result(_ANSWER_SECONDS))
    if superfluous := [_filter(binding) for binding in held - wanted]:
        for answer in client.delete_acls(superfluous).values():
            answer.result(_ANSWER_SECONDS)
    missing = list(wanted - held)
    if missing:
        for answer in client.create_acls(missing).values():
            answer.result(_ANSWER_SECONDS)
    return f"{len(missing)} rights given, {len(superfluous)} taken" if missing or superfluous else "unchanged"


def _bindings(user: str) -> Iterator[AclBinding]:
    for right in USERS[user]:
        prefix = right.name.endswith("*") and right.name != "*"
        pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
        name = right.name.removesuffix("*") if prefix else right.name
        for operation in right.operations:
            yield AclBinding(
                right.kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW
            )


def _filter(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )
