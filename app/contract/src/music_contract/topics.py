"""The Kafka topics as data: topics.json is their one home, read by Terraform too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files

STREAM_EVENTS = "music.stream-events"
DEAD_LETTERS = "music.stream-events.dlq"


@dataclass(frozen=True)
class Topic:
    """One topic as it must be on the broker."""

    name: str
    description: str
    schema: str | None
    """Name of the schema of its values; None when any bytes may come."""
    key: str | None
    """Field of the value that is the record's key; None when the source's key is kept."""
    partitions: int
    cleanup_policy: str
    retention_ms: int | None
    """How long records are kept, in milliseconds; None when compaction alone decides."""
    config: Mapping[str, str] = field(default_factory=dict)
    """Further topic settings under Kafka's own names."""

    @property
    def subject(self) -> str:
        """The registry's subject for this topic's values."""
        return f"{self.name}-value"


def _read() -> dict[str, Topic]:
    document = json.loads(files("music_contract").joinpath("topics.json").read_text("utf-8"))
    return {name: Topic(name=name, **settings) for name, settings in document.items()}


TOPICS: dict[str, Topic] = _read()
"""All topics by name, in the order of topics.json."""

DIMENSIONS: dict[str, Topic] = {
    topic.schema: topic for topic in TOPICS.values() if topic.schema and topic.cleanup_policy == "compact"
}
"""The dimension topics by schema name (user, song, ...)."""


@dataclass(frozen=True)
class Override:
    """Another value for one field of one topic, as a deployment may ask for."""

    topic: str
    field: str
    value: int

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read ``topic.field=value``; ValueError with a sentence when it is not of that form."""
        target, _, value = text.partition("=")
        topic, _, field_name = target.rpartition(".")
        if topic not in TOPICS:
            raise ValueError(f"{text}: no topic is called {topic!r}; there are {', '.join(TOPICS)}")
        if field_name not in ("partitions", "retention_ms"):
            raise ValueError(f"{text}: {field_name!r} cannot be set; partitions and retention_ms can")
        if not value.isdecimal() or int(value) < 1:
            raise ValueError(f"{text}: {value!r} must be a whole number from 1 on")
        return cls(topic, field_name, int(value))


def overridden(overrides: Iterable[Override]) -> dict[str, Topic]:
    """Return all topics by name with some values replaced."""
    topics = dict(TOPICS)
    for override in overrides:
        topic = topics[override.topic]
        if override.field == "partitions":
            topics[override.topic] = replace(topic, partitions=override.value)
        else:
            topics[override.topic] = replace(topic, retention_ms=override.value)
    return topics
