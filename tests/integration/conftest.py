"""Servers that several integration tests share."""

from collections.abc import Iterator

import pytest

from tests import database as servers
from tests.database import Database
from tests.stream import Stream, wait_until_no_run_writes


@pytest.fixture(scope="session")
def database_server() -> Iterator[Database]:
    """A PostgreSQL of this test run alone."""
    with servers.start() as started:
        yield started


@pytest.fixture
def database(database_server: Database) -> Database:
    """The database, empty."""
    wait_until_no_run_writes(database_server)
    database_server.empty()
    return database_server


@pytest.fixture
def stream(database: Database) -> Iterator[Stream]:
    """A run of the stream into the empty database."""
    run = Stream(database.dsn)
    yield run
    run.close()
