"""Makes a broker's topics those of the contract, and says what it did."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from music_contract.connection import secured
from music_contract.publish.topic_plan import LivingTopic, Plan, plan
from music_contract.publish.waiting import RefusalError, wait_for
from music_contract.topics import Topic

_ANSWER_SECONDS = 30.0
_METADATA_SECONDS = 5.0


def apply(
    topics: Mapping[str, Topic], bootstrap_servers: str, broker_count: int, wait_seconds: float
) -> list[str]:
    """Create, grow and re-set topics; return one line a topic saying what was done.

    Waits until `broker_count` brokers are there. RefusalError, before anything is changed, when a topic would
    have to lose partitions; also when the broker turns a change down.
    """
    client = connect(bootstrap_servers)
    living = wait_for(
        f"Kafka at {bootstrap_servers}", lambda: _living_topics(client, topics, broker_count), wait_seconds
    )
    plans = [plan(topic, living.get(topic.name), broker_count) for topic in topics.values()]
    if refusals := [step.refusal for step in plans if step.refusal]:
        raise RefusalError(" ".join(refusals))
    _carry_out(client, plans)
    return [f"{step.topic.name}: {step.report}" for step in plans]


def connect(bootstrap_servers: str) -> AdminClient:
    """Return the broker's administration, whether the broker is there or not."""
    # The client would write a line for every failed connection; wait_for tells the reason once.
    silent = logging.getLogger("music_contract.kafka_client")
    silent.addHandler(logging.NullHandler())
    silent.propagate = False
    settings: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap_servers,
        "reconnect.backoff.max.ms": 1000,
    }
    return AdminClient(secured(settings), logger=silent)


def _living_topics(client: AdminClient, topics: Iterable[str], broker_count: int) -> dict[str, LivingTopic]:
    try:
        metadata = client.list_topics(timeout=_METADATA_SECONDS)
    except KafkaException as error:
        raise ConnectionError(_sentence(error)) from error
    if len(metadata.brokers) < broker_count:
        raise LookupError(f"{len(metadata.brokers)} of {broker_count} brokers are there")
    there = [name for name in topics if name in metadata.topics]
    configs = _configs(client, there)
    living = {}
    for name in there:
        partitions = metadata.topics[name].partitions
        replicas = min(len(partition.replicas) for partition in partitions.values())
        living[name] = LivingTopic(len(partitions), replicas, configs[name])
    return living


def _configs(client: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    """Return the settings made on the topics themselves: a broker's default may change under them."""
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = client.describe_configs(resources, request_timeout=_ANSWER_SECONDS)
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {
        resource.name: {
            name: entry.value
            for name, entry in answer.result(_ANSWER_SECONDS).items()
            if entry.source == own and entry.value is not None
        }
        for resource, answer in answers.items()
    }


def _carry_out(client: AdminClient, plans: list[Plan]) -> None:
    new = [
        NewTopic(
            step.topic.name,
            num_partitions=step.topic.partitions,
            replication_factor=step.create_replicas,
            config=dict(step.settings),
        )
        for step in plans
        if step.create_replicas
    ]
    growing = [NewPartitions(step.topic.name, step.grow_to) for step in plans if step.grow_to]
    changed = [_alteration(step) for step in plans if step.settings and not step.create_replicas]
    # One request each; an empty one is an error to the client.
    if new:
        _finish("created", client.create_topics(new, request_timeout=_ANSWER_SECONDS))
    if growing:
        _finish("given more partitions", client.create_partitions(growing, request_timeout=_ANSWER_SECONDS))
    if changed:
        _finish(
            "given new settings", client.incremental_alter_configs(changed, request_timeout=_ANSWER_SECONDS)
        )


def _alteration(step: Plan) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in step.settings.items()
    ]
    return ConfigResource(ResourceType.TOPIC, step.topic.name, incremental_configs=entries)


def _finish(deed: str, answers: Mapping[Any, Future[Any]]) -> None:
    for target, answer in answers.items():
        name = target if isinstance(target, str) else target.name
        try:
            answer.result(_ANSWER_SECONDS)
        except (KafkaException, TimeoutError) as error:
            raise RefusalError(f"{name} could not be {deed}: {_sentence(error)}.") from error


def _sentence(error: Exception) -> str:
    return str(error.args[0].str()) if isinstance(error, KafkaException) else "no answer in time"
