"""The running platform as the smoke tests see it: only what `terraform output` says about it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg2
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from music_contract import topics
from music_platform.deployment import instance, settings
from music_platform.hosts import hosting
from music_platform.hosts.hosting import Program

from tests.smoke.access import DELIVERY_LIMIT_S, Connection, Measured, Outputs, Sender, rows

CHECKOUT = Path(__file__).parents[2]

_MEASURED: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture(scope="session")
def outputs() -> Outputs:
    """The outputs of Terraform; which platform is meant comes from the settings that make passes on."""
    command = [str(Path(sys.executable).parent / "music-platform"), "output"]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    if result.returncode:
        pytest.exit(result.stderr.strip(), returncode=1)
    return Outputs(json.loads(result.stdout))


@pytest.fixture(scope="session")
def servers() -> Sequence[Program]:
    """The servers of the platform as what runs them knows them."""
    return hosting.of(instance.select(CHECKOUT, settings.given(()))).programs()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Note something that was measured; all notes are printed at the end."""
    lines = request.config.stash.setdefault(_MEASURED, [])

    def note(text: str) -> None:
        sentence = request.function.__name__.removeprefix("test_").replace("_", " ")
        case = request.node.name.removeprefix(request.function.__name__)
        lines.append(f"{sentence}{case}: {text}")

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(_MEASURED, []):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def database(outputs: Outputs) -> Iterator[Connection]:
    """A connection that reads everything; each statement sees what is committed then."""
    connection = psycopg2.connect(outputs["postgres_dsn"], connect_timeout=10)
    connection.set_session(readonly=True, autocommit=True)
    yield connection
    connection.close()


@pytest.fixture(scope="session", autouse=True)
def noted_before(request: pytest.FixtureRequest) -> int | None:
    """The number of the last note on the queries when the tests begin; None when PostgreSQL does not answer.

    Then the tests of PostgreSQL say so, and those of other components still speak for themselves.
    """
    try:
        database: Connection = request.getfixturevalue("database")
    except psycopg2.OperationalError:
        return None
    (last,) = rows(database, "SELECT coalesce(max(id), 0) AS id FROM ops.query_events")
    return int(last["id"])


@pytest.fixture(scope="session")
def admin(outputs: Outputs) -> AdminClient:
    return AdminClient(outputs["kafka_client"])


@pytest.fixture(scope="session")
def registry(outputs: Outputs) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": outputs["schema_registry_url"], "timeout": 10})


@pytest.fixture(scope="session")
def sender(outputs: Outputs, registry: SchemaRegistryClient) -> Sender:
    settings = {
        **outputs["kafka_client"],
        "acks": "all",
        "enable.idempotence": True,
    }
    return Sender(Producer(settings), registry)


@pytest.fixture
def dead_letter_reader(outputs: Outputs) -> Iterator[Consumer]:
    """A consumer of the dead-letter topic that begins with what comes from now on."""
    consumer = Consumer(
        {
            **outputs["kafka_client"],
            "group.id": "smoke-never-committed",
            "enable.auto.commit": False,
        }
    )
    known = consumer.list_topics(topics.DEAD_LETTERS, timeout=DELIVERY_LIMIT_S).topics[topics.DEAD_LETTERS]
    partitions = [TopicPartition(topics.DEAD_LETTERS, number) for number in known.partitions]
    for partition in partitions:
        _, partition.offset = consumer.get_watermark_offsets(partition, timeout=DELIVERY_LIMIT_S)
    consumer.assign(partitions)
    yield consumer
    consumer.close()
