"""Backups that a platform's own command makes."""

import re
from contextlib import closing
from pathlib import Path

import psycopg2

from tests.second_platform import SecondPlatform

MARK = "after the backup"


def make(platform: SecondPlatform) -> Path:
    """Run `make backup`; return the file that it names, which nobody else may read."""
    made = platform.run("backup")
    assert made.returncode == 0, made.stdout + made.stderr
    found = re.search(r"(/\S+\.tar\.gz) has", made.stdout)
    assert found, made.stdout
    file = Path(found[1])
    assert file.stat().st_mode & 0o077 == 0
    return file


def mark(platform: SecondPlatform) -> None:
    """Note MARK among the events of the query, which no backup has yet."""
    with (
        closing(psycopg2.connect(platform.postgres_dsn)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO ops.query_events (query, run_id, kind, detail)"
            " VALUES ('test', gen_random_uuid(), 'stopped', %s)",
            [MARK],
        )
