"""Views and functions from files, deployed into a real database: replaced as a whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import objects
import psycopg2
import pytest

from tests.database import Database

SQL = Path(__file__).parents[2] / "sql"
ANSWER = """CREATE FUNCTION analytics.answer() RETURNS integer LANGUAGE sql
BEGIN ATOMIC
    SELECT 42;
END;
"""


@pytest.fixture
def folder(tmp_path: Path, database_server: Database) -> Iterator[Path]:
    """A copy of the files, to be changed; in the end those of the checkout count again."""
    shutil.copytree(SQL, tmp_path / "sql")
    yield tmp_path / "sql"
    objects.deploy(database_server.owner_dsn, SQL)


def add(folder: Path, text: str) -> None:
    (folder / "queries" / "answer").mkdir(exist_ok=True)
    (folder / "queries" / "answer" / "query.sql").write_text(text, encoding="utf-8")


def test_what_has_not_changed_is_not_deployed_again(database_server: Database, folder: Path) -> None:
    assert objects.deploy(database_server.owner_dsn, folder) == []


def test_a_new_a_changed_and_a_removed_file_count(database_server: Database, folder: Path) -> None:
    add(folder, ANSWER)
    assert objects.deploy(database_server.owner_dsn, folder) == ["analytics.answer"]
    assert database_server.value("SELECT analytics.answer()") == 42

    add(folder, ANSWER.replace("42", "43"))
    assert objects.deploy(database_server.owner_dsn, folder) == ["analytics.answer"]
    assert database_server.value("SELECT analytics.answer()") == 43

    shutil.rmtree(folder / "queries" / "answer")
    objects.deploy(database_server.owner_dsn, folder)
    with pytest.raises(psycopg2.errors.UndefinedFunction):
        database_server.value("SELECT analytics.answer()")


def test_an_error_leaves_what_was_there_and_names_the_file(database_server: Database, folder: Path) -> None:
    add(folder, ANSWER.replace("42", "no_such_column"))

    with pytest.raises(SystemExit, match=r"analytics\.answer cannot be made: .*no_such_column"):
        objects.deploy(database_server.owner_dsn, folder)

    assert database_server.query("SELECT * FROM analytics.time_ranges WHERE range_name = 'all_time'")


def test_what_somebody_built_on_a_view_is_not_dropped(database_server: Database, folder: Path) -> None:
    with psycopg2.connect(database_server.owner_dsn) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE VIEW analytics.mine AS SELECT * FROM analytics.freshness")
    try:
        add(folder, ANSWER)
        with pytest.raises(SystemExit, match=r"something else was built on it: view analytics\.mine"):
            objects.deploy(database_server.owner_dsn, folder)
        assert database_server.query("SELECT * FROM analytics.mine")
    finally:
        with psycopg2.connect(database_server.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute("DROP VIEW analytics.mine")


def test_objects_of_the_migrations_stay(database_server: Database, folder: Path) -> None:
    before = database_server.query("SELECT viewname FROM pg_views WHERE schemaname = 'analytics' ORDER BY 1")
    add(folder, ANSWER)
    objects.deploy(database_server.owner_dsn, folder)
    shutil.rmtree(folder / "queries" / "answer")
    objects.deploy(database_server.owner_dsn, folder)

    after = database_server.query("SELECT viewname FROM pg_views WHERE schemaname = 'analytics' ORDER BY 1")
    assert after == before and len(after) > 20
