"""Schemas against a real registry: registered once, and never broken."""

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from music_contract import cli, schemas
from music_contract.publish.schemas import check, register
from music_contract.publish.waiting import RefusalError

from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.integration

WAIT_S = 30.0

Schema = dict[str, Any]


@pytest.fixture
def subject() -> str:
    """A subject of this test's own."""
    return f"test.schemas.{secrets.token_hex(4)}-value"


def changed(change: Callable[[Schema], object]) -> str:
    document = schemas.load("user")
    change(document)
    return json.dumps(document)


def add_field(document: Schema, *, required: bool) -> None:
    document["properties"]["mood"] = {"type": "string"}
    if required:
        document["required"].append("mood")


def remove_field(document: Schema) -> None:
    del document["properties"]["name"]
    document["required"].remove("name")


BREAKING: dict[str, tuple[Callable[[Schema], object], str]] = {
    "a new required field": (lambda document: add_field(document, required=True), "mood is new and required"),
    "a removed field": (remove_field, "name is no longer there"),
    "another type": (
        lambda document: document["properties"].update(name={"type": "integer"}),
        'name: type "string" -> "integer"',
    ),
    "a smaller vocabulary": (
        lambda document: document["properties"]["subscription"]["enum"].remove("student"),
        "subscription: enum",
    ),
}


def test_a_schema_is_registered_once_with_its_compatibility(platform: SecondPlatform, subject: str) -> None:
    subjects = {subject: schemas.text("user")}
    first = register(subjects, platform.schema_registry_url, WAIT_S)
    print(first)
    assert first[0].endswith("version 1, registered")
    again = register(subjects, platform.schema_registry_url, WAIT_S)
    assert again[0] == first[0].replace("registered", "unchanged")
    client = SchemaRegistryClient({"url": platform.schema_registry_url})
    assert client.get_config(subject).compatibility_level == "BACKWARD_TRANSITIVE"


@pytest.mark.parametrize("case", list(BREAKING))
def test_a_breaking_change_is_refused_with_the_difference(
    platform: SecondPlatform, subject: str, case: str
) -> None:
    url, (change, difference) = platform.schema_registry_url, BREAKING[case]
    register({subject: schemas.text("user")}, url, WAIT_S)
    bystander = f"{subject}.bystander"
    with pytest.raises(RefusalError) as refused:
        register({bystander: schemas.text("song"), subject: changed(change)}, url, WAIT_S)
    print(refused.value)
    assert f"{subject} against version 1: {difference}" in str(refused.value)
    client = SchemaRegistryClient({"url": url})
    assert client.get_versions(subject) == [1]
    assert bystander not in client.get_subjects()


HARMLESS: dict[str, Callable[[Schema], object]] = {
    "a new optional field": lambda document: add_field(document, required=False),
    "a field that may be left out": lambda document: document["required"].remove("name"),
    "a larger vocabulary": lambda document: document["properties"]["subscription"]["enum"].append("trial"),
}


@pytest.mark.parametrize("case", list(HARMLESS))
def test_a_change_that_earlier_records_keep_to_becomes_the_next_version(
    platform: SecondPlatform, subject: str, case: str
) -> None:
    url = platform.schema_registry_url
    register({subject: schemas.text("user")}, url, WAIT_S)
    wider = {subject: changed(HARMLESS[case])}
    assert check(wider, url, WAIT_S) == [f"{subject}: compatible with 1 version(s)"]
    assert register(wider, url, WAIT_S)[0].endswith("version 2, registered")


def test_the_command_finds_the_platforms_schemas_registered(
    platform: SecondPlatform, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["schemas", "check", "--registry-url", platform.schema_registry_url]) == 0
    told = capsys.readouterr().out
    print(told)
    assert told.count("compatible with") == len(schemas.SUBJECTS)


def test_a_registry_that_is_not_there_is_told_with_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schemas", "check", "--registry-url", "http://127.0.0.1:1", "--wait", "0.5"]) == 1
    assert "the schema registry at http://127.0.0.1:1 was not ready within 0.5 s" in capsys.readouterr().err


def test_a_new_registry_gets_the_earlier_versions_first(platform: SecondPlatform, subject: str) -> None:
    earlier = [*schemas.earlier_texts("stream-event")]
    present = schemas.text("stream-event")
    lines = register({subject: present}, platform.schema_registry_url, WAIT_S, {subject: earlier})
    assert "registered" in lines[0]
    client = SchemaRegistryClient({"url": platform.schema_registry_url})
    found = [
        client.get_version(subject, version).schema.schema_str for version in client.get_versions(subject)
    ]
    assert [json.loads(text or "{}") for text in found] == [json.loads(text) for text in (*earlier, present)]
    assert (
        "unchanged"
        in register({subject: present}, platform.schema_registry_url, WAIT_S, {subject: earlier})[0]
    )
