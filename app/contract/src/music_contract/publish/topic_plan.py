"""What must be done so that a broker's topics become those of the contract: pure, no connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from music_contract.topics import Topic

MOST_REPLICAS = 3


@dataclass(frozen=True)
class LivingTopic:
    """A topic as the broker has it."""

    partitions: int
    replicas: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """The steps for one topic."""

    topic: Topic
    create_replicas: int = 0
    """Create it with so many replicas; 0 when it is there."""
    grow_to: int = 0
    """New count of partitions; 0 when it stays."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings to give at creation or to change."""
    report: str = "unchanged"
    """What is done, for people."""
    refusal: str = ""
    """Why nothing may be done, a sentence; empty when all is well."""


def replication_factor(broker_count: int) -> int:
    """Return how many copies of each partition there are: one a broker, three at most."""
    return min(MOST_REPLICAS, broker_count)


def durable_settings(topic: Topic, replicas: int) -> dict[str, str]:
    """Return the topic's settings under Kafka's names, given its count of replicas.

    With three replicas two must have a record before it is acknowledged, so one broker may fail without loss
    and without standstill. With fewer, asking for two would stop all writes as soon as one broker is away.
    A replica that lags is never made leader (unclean election off): acknowledged records would vanish.
    """
    settings = {
        "cleanup.policy": topic.cleanup_policy,
        "min.insync.replicas": "2" if replicas >= MOST_REPLICAS else "1",
        "unclean.leader.election.enable": "false",
        **topic.config,
    }
    if topic.retention_ms is not None:
        settings["retention.ms"] = str(topic.retention_ms)
    return settings


def plan(topic: Topic, living: LivingTopic | None, broker_count: int) -> Plan:
    """Compare the contract's topic with the living one (None when it is not there)."""
    if living is None:
        return _plan_creation(topic, replication_factor(broker_count))
    if topic.partitions < living.partitions:
        return Plan(
            topic,
            refusal=f"{topic.name} has {living.partitions} partitions and cannot shrink to "
            f"{topic.partitions}: Kafka keeps every partition for good. "
            f"Ask for {living.partitions} or more, or make a new topic.",
        )
    return _plan_change(topic, living, broker_count)


def _plan_creation(topic: Topic, replicas: int) -> Plan:
    settings = durable_settings(topic, replicas)
    shown = ", ".join(f"{name} {value}" for name, value in settings.items())
    return Plan(
        topic,
        create_replicas=replicas,
        settings=settings,
        report=f"created: {topic.partitions} partitions, {replicas} replica(s), {shown}",
    )


def _plan_change(topic: Topic, living: LivingTopic, broker_count: int) -> Plan:
    wanted = durable_settings(topic, living.replicas)
    changed = {name: value for name, value in wanted.items() if living.config.get(name) != value}
    told = [f"{name} {living.config.get(name, 'unset')} -> {value}" for name, value in changed.items()]
    grow_to = topic.partitions if topic.partitions > living.partitions else 0
    if grow_to:
        told.insert(
            0,
            f"partitions {living.partitions} -> {grow_to} "
            "(from now on a key may fall into another partition than before)",
        )
    if living.replicas < replication_factor(broker_count):
        told.append(
            f"keeps {living.replicas} replica(s); a reassignment by hand could make it "
            f"{replication_factor(broker_count)}"
        )
    return Plan(topic, grow_to=grow_to, settings=changed, report="; ".join(told) or "unchanged")
