"""Which schema ids belong to which topic, asked of the registry once each."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TypeVar

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from music_contract.topics import TOPICS

Answer = TypeVar("Answer")

_NOT_FOUND = 404
_LIMIT_S = 10
"""A registry that takes a connection and says nothing is away."""


class RegistryAway(Exception):
    """The registry did not answer, or not with an answer: to be asked again."""


class KnownSchemas:
    """Answers from memory where it can: an id, once registered, never changes its meaning.

    Unknown ids are asked for anew each time, since they may be registered any moment; all of a topic's
    together, for rubbish may look like thousands of them.
    """

    def __init__(self, registry_url: str) -> None:
        self._client = SchemaRegistryClient({"url": registry_url, "timeout": _LIMIT_S})
        self._known: dict[str, frozenset[int]] = {}

    def __call__(self, topic: str, ids: Set[int]) -> Set[int]:
        """Which of the ids are the topic's schemas; RegistryAway when nobody can say."""
        known = self._known.get(topic, frozenset())
        return ids & (known if ids <= known else self.of(topic) | known)

    def of(self, topic: str) -> frozenset[int]:
        """The ids that the topic's schemas have now; RegistryAway when nobody can say."""
        subject = TOPICS[topic].subject
        versions = _asked(self._client.get_versions, subject) or []
        schemas = (_asked(self._client.get_version, subject, version) for version in versions)
        ids = frozenset(schema.schema_id for schema in schemas if schema and schema.schema_id is not None)
        self._known[topic] = self._known.get(topic, frozenset()) | ids
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
