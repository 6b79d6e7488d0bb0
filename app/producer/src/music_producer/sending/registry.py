"""The ids under which the registry holds the contract's schemas."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from music_contract import schemas
from music_contract.topics import STREAM_EVENTS, TOPICS

from music_producer.sending.stopping import Stop

_log = logging.getLogger(__name__)

_REQUEST_SECONDS = 10
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_NOT_FOUND = 404


class NoOlderSchemaError(Exception):
    """The registry does not hold the schema that the contract had before."""


@dataclass(frozen=True)
class SchemaIds:
    """The ids that records are framed with."""

    current: dict[str, int]
    """By topic, for all topics that have a schema."""
    older_event: int | None
    """Of the event schema one version older; None when the registry does not hold it."""


def schema_ids(registry_url: str, stop: Stop) -> SchemaIds | None:
    """Return the schema ids of the contract's topics.

    Asks again without end while the registry is away or does not hold this version of a schema, with a log
    line for each new reason; None when asked to stop before.
    """
    client = SchemaRegistryClient({"url": registry_url, "timeout": _REQUEST_SECONDS, "max.retries": 0})
    pause, told = _FIRST_PAUSE_SECONDS, ""
    while not stop.asked:
        try:
            return _look_up(client)
        except SchemaRegistryError as error:
            reason = f"{error}; are the schemas registered (music-contract schemas register)?"
        except Exception as error:
            # The client lets its HTTP library's errors through, which its interface does not name.
            reason = str(error) or type(error).__name__
        if reason != told:
            _log.warning("the schema registry at %s is not ready, asking again: %s", registry_url, reason)
            told = reason
        stop.wait(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
    return None


def _look_up(client: SchemaRegistryClient) -> SchemaIds:
    ids = {}
    for topic in TOPICS.values():
        if topic.schema:
            found = client.lookup_schema(topic.subject, Schema(schemas.text(topic.schema), "JSON"))
            if found.schema_id is None:
                raise LookupError(f"the registry names no id for {topic.subject}")
            ids[topic.name] = found.schema_id
    return SchemaIds(ids, _look_up_older(client))


def _look_up_older(client: SchemaRegistryClient) -> int | None:
    topic = TOPICS[STREAM_EVENTS]
    *_, older = (None, *schemas.earlier_texts(str(topic.schema)))
    if older is None:
        return None
    try:
        return client.lookup_schema(topic.subject, Schema(older, "JSON")).schema_id
    except SchemaRegistryError as error:
        if error.http_status_code == _NOT_FOUND:
            return None
        raise
