"""Which schema ids belong to which topic, asked of the registry once each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from music_contract.topics import TOPICS

Answer = TypeVar("Answer")

_NOT_FOUND = 404


class RegistryAway(Exception):
    """The registry did not answer, or not with an answer: to be asked again."""


class KnownSchemas:
    """Answers from memory where it can: an id, once registered, never changes its meaning.

    An unknown id is asked for anew each time, since it may be registered any moment.
    """

    def __init__(self, registry_url: str) -> None:
        self._client = SchemaRegistryClient({"url": registry_url})
        self._known: set[tuple[str, int]] = set()

    def __call__(self, topic: str, schema_id: int) -> bool:
        """Whether the id is one of the topic's schemas; RegistryAway when nobody can say."""
        if (topic, schema_id) in self._known:
            return True
        versions = _asked(self._client.get_schema_versions, schema_id) or []
        if any(version.subject == TOPICS[topic].subject for version in versions):
            self._known.add((topic, schema_id))
            return True
        return False

    def of(self, topic: str) -> frozenset[int]:
        """The ids that the topic's schemas have now; RegistryAway when nobody can say."""
        subject = TOPICS[topic].subject
        versions = _asked(self._client.get_versions, subject) or []
        schemas = (_asked(self._client.get_version, subject, version) for version in versions)
        ids = frozenset(schema.schema_id for schema in schemas if schema and schema.schema_id is not None)
        self._known |= {(topic, schema_id) for schema_id in ids}
        return ids


def _asked(question: Callable[..., Answer], *words: object) -> Answer | None:
    """The registry's answer, None when it has no such thing."""
    try:
        return question(*words)
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise RegistryAway(f"the schema registry answers with an error: {error}") from error
    except Exception as error:
        # The client passes on what its HTTP library raises, and which library that is differs by version.
        raise RegistryAway(f"the schema registry does not answer: {error}") from error
