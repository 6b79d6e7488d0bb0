"""Registers the contract's schemas in the registry, and refuses what would break their earlier versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from confluent_kafka.schema_registry import (
    ConfigCompatibilityLevel,
    Schema,
    SchemaRegistryClient,
    ServerConfig,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError

from music_contract import schemas
from music_contract.publish.schema_changes import breaking_changes
from music_contract.publish.waiting import RefusalError, wait_for
from music_contract.topics import TOPICS

COMPATIBILITY = ConfigCompatibilityLevel.BACKWARD_TRANSITIVE
"""A new version must read what any earlier one allowed; to closed schemas that leaves optional fields."""

_REQUEST_SECONDS = 10


def contract_subjects() -> dict[str, str]:
    """Return the document of each subject."""
    return {topic.subject: schemas.text(topic.schema) for topic in TOPICS.values() if topic.schema}


def earlier_documents() -> dict[str, tuple[str, ...]]:
    """Return the documents that each subject had before, the oldest first."""
    return {topic.subject: schemas.earlier_texts(topic.schema) for topic in TOPICS.values() if topic.schema}


def check(subjects: Mapping[str, str], registry_url: str, wait_seconds: float) -> list[str]:
    """Compare every subject's document with all its registered versions; return one line a subject.

    RefusalError, with the differences, when one is incompatible. Registers nothing.
    """
    client = connect(registry_url, wait_seconds)
    there = set(client.get_subjects())
    return _check(client, subjects, there)


def register(
    subjects: Mapping[str, str],
    registry_url: str,
    wait_seconds: float,
    earlier: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Register every subject's document unless it is there already; return one line a subject with its id.

    A subject that the registry does not know gets its `earlier` documents first, so that a new deployment
    understands the same records as one that has grown. All are checked before the first is registered.
    RefusalError as in `check`.
    """
    client = connect(registry_url, wait_seconds)
    there = set(client.get_subjects())
    _check(client, subjects, there)
    lines = []
    for subject, document in subjects.items():
        known = len(client.get_versions(subject)) if subject in there else 0
        if subject not in there:
            for older in (earlier or {}).get(subject, ()):
                client.register_schema(subject, Schema(older, "JSON"))
        try:
            schema_id = client.register_schema(subject, Schema(document, "JSON"))
        except SchemaRegistryError as error:
            raise RefusalError(f"{subject}: the registry refuses the schema: {error}.") from error
        if subject not in there:  # the registry takes a level only for a subject that it knows
            _demand_compatibility(client, subject)
        versions = len(client.get_versions(subject))
        deed = "registered" if versions > known else "unchanged"
        lines.append(f"{subject}: id {schema_id}, version {versions}, {deed}")
    return lines


def connect(registry_url: str, wait_seconds: float) -> SchemaRegistryClient:
    """Return a client once the registry answers; RefusalError when it does not within `wait_seconds`."""
    client = SchemaRegistryClient({"url": registry_url, "timeout": _REQUEST_SECONDS, "max.retries": 3})
    impatient = SchemaRegistryClient({"url": registry_url, "timeout": _REQUEST_SECONDS, "max.retries": 0})
    wait_for(f"the schema registry at {registry_url}", lambda: _subjects(impatient), wait_seconds)
    return client


def _subjects(client: SchemaRegistryClient) -> list[str]:
    try:
        return client.get_subjects()
    except SchemaRegistryError as error:
        raise LookupError(
            f"it answers with HTTP status {error.http_status_code} (the URL ends with /apis/ccompat/v7)"
        ) from error


def _check(client: SchemaRegistryClient, subjects: Mapping[str, str], there: set[str]) -> list[str]:
    lines, refusals = [], []
    for subject, document in subjects.items():
        if subject not in there:
            lines.append(f"{subject}: new")
            continue
        _demand_compatibility(client, subject)
        if client.test_compatibility_all_versions(subject, Schema(document, "JSON")):
            lines.append(f"{subject}: compatible with {len(client.get_versions(subject))} version(s)")
        else:
            refusals += _explain(client, subject, document)
    if refusals:
        raise RefusalError(
            "Records written under an earlier version would no longer be valid; nothing was registered:\n  "
            + "\n  ".join(refusals)
        )
    return lines


def _demand_compatibility(client: SchemaRegistryClient, subject: str) -> None:
    try:
        if client.get_config(subject).compatibility_level == COMPATIBILITY:
            return
    except SchemaRegistryError as error:
        if error.http_status_code != 404:
            raise
    client.set_config(subject, ServerConfig(compatibility=COMPATIBILITY))


def _explain(client: SchemaRegistryClient, subject: str, document: str) -> list[str]:
    later = json.loads(document)
    told = []
    for version in client.get_versions(subject):
        earlier = json.loads(client.get_version(subject, version).schema.schema_str or "{}")
        changes = breaking_changes(earlier, later)
        told += [f"{subject} against version {version}: {change}" for change in changes]
    return told or [f"{subject}: the registry finds it incompatible with an earlier version"]
