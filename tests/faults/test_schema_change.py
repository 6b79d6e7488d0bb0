"""The events get an optional field more while they flow: what knows it and what does not go through alike."""

import json
from collections.abc import Iterator

import orjson
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from music_contract import schemas, wire
from music_contract.publish.schemas import register
from music_contract.topics import STREAM_EVENTS, TOPICS

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, send
from tests.faults.killing import kill
from tests.faults.playing import PlaybackProducer
from tests.faults.scale import RECOVERY_LIMIT_S, SEED
from tests.records import EVENT
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

SENT = 200
SUBJECT = TOPICS[STREAM_EVENTS].subject


@pytest.fixture
def registry(platform: SecondPlatform) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": platform.schema_registry_url})


@pytest.fixture
def own_schema(registry: SchemaRegistryClient) -> int:
    """The id of the event's schema in use."""
    own = registry.lookup_schema(SUBJECT, Schema(schemas.text(EVENT), "JSON")).schema_id
    assert own is not None
    return own


@pytest.fixture
def wider_schema(platform: SecondPlatform, own_schema: int, registry: SchemaRegistryClient) -> Iterator[int]:
    """The id of the event's schema with an optional field more, registered beside the one in use."""
    document = schemas.load(EVENT)
    document["properties"]["mood"] = {"type": "string", "description": "How the listener felt"}
    print(register({SUBJECT: json.dumps(document)}, platform.schema_registry_url, RECOVERY_LIMIT_S))
    latest = registry.get_latest_version(SUBJECT)
    assert latest.version is not None and latest.schema_id not in (None, own_schema)
    yield latest.schema_id
    # Other tests look at the platform's own schemas.
    registry.delete_version(SUBJECT, latest.version)
    registry.delete_version(SUBJECT, latest.version, permanent=True)


def unknown_fields(platform: SecondPlatform) -> int:
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute("SELECT coalesce(sum(unknown_fields), 0)::bigint FROM ops.partitions")
        return int(cursor.fetchone()[0])


def runs_of(platform: SecondPlatform) -> int:
    return len(books.events_of(platform, "started"))


def test_an_optional_field_more_goes_through_while_events_flow_also_for_a_run_that_begins_then(
    platform: SecondPlatform, before: Before, own_schema: int, wider_schema: int
) -> None:
    # A test before may have killed the driver: once this one is stored, the next run is on its way.
    send(platform, [encoded(event())])
    books.wait_for_all(platform)
    runs, known = runs_of(platform), unknown_fields(platform)
    identities: list[str] = []

    def send_both() -> None:
        """One of the old contract, one of the new, in turn: as while producers are deployed one by one."""
        frames = []
        for _ in range(SENT):
            for schema_id, entry in ((own_schema, event()), (wider_schema, event(mood="calm"))):
                identities.append(entry["event_id"])
                frames.append(wire.frame(schema_id, orjson.dumps(entry)))
        send(platform, frames)
        wait_until(
            lambda: books.stored_of(platform, identities) == len(identities),
            RECOVERY_LIMIT_S,
            "the events of both are stored",
        )

    producer = PlaybackProducer(platform, 100, SEED)
    try:
        send_both()
        assert runs_of(platform) == runs, f"it was started again: {books.events_of(platform, 'failed')[-1:]}"
        kill(platform, "driver")
        send_both()
    finally:
        producer.stop()
    books.check(platform, before)
    counted = unknown_fields(platform) - known
    print(f"{2 * SENT} events of each contract are facts; {counted} had an unknown field")
    assert counted == 2 * SENT
