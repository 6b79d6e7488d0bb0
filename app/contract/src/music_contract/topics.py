"""The Kafka topics as data: topics.json is their one home, read by Terraform too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
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
