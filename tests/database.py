"""A PostgreSQL server of the tests' own, made by the scripts that make every other, and thrown away."""

import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests import provisioned

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('warehouse', 'metrics', 'ops') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1"""


@dataclass(frozen=True)
class Database:
    """A migrated database, empty but for its schema."""

    dsn: str
    """For the role of the stream job, music_app."""
    readonly_dsn: str
    """For people and dashboards, music_readonly."""
    owner_dsn: str
    """For the owner of the schemas, music_owner: what a person may do who administers it."""

    def query(self, statement: str, *parameters: object, owner: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a statement, in a transaction of its own; nothing for a statement without rows."""
        connection = psycopg2.connect(self.owner_dsn if owner else self.dsn)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, statement: str, *parameters: object) -> Any:
        """The only column of the only row."""
        ((value,),) = self.query(statement, *parameters)
        return value

    def empty(self) -> None:
        """Remove all rows; the partitions stay."""
        self.query("".join(f"DELETE FROM {table};" for table in self.tables()))

    def tables(self) -> list[str]:
        """The tables that the stream writes."""
        return [name for (name,) in self.query(_TABLES)]

    def contents(self) -> dict[str, list[str]]:
        """All rows as sorted JSON texts, but for what differs from run to run.

        That is clocks, generated keys, and the order of the values in sketches.
        """
        volatile = (
            "{id,user_key,run_id,batch_id,ingested_at,recorded_at,committed_at,listeners_sketch,songs_sketch}"
        )
        found = {}
        for table in self.tables():
            clock = "" if table.startswith("warehouse.") else " - 'updated_at'"
            rows = self.query(
                f"SELECT (to_jsonb(t) - '{volatile}'::text[]{clock})::text FROM {table} AS t ORDER BY 1"
            )
            found[table] = [row for (row,) in rows]
        return found


def settings() -> dict[str, str]:
    """What the provisioning script must be told of a server: a free port, and passwords."""
    roles = ("OWNER", "APPLICATION", "READONLY", "DASHBOARDS", "REGISTRY", "SUPERSET")
    return {
        **{f"MUSIC_POSTGRES_{role}_PASSWORD": secrets.token_hex(16) for role in roles},
        "MUSIC_POSTGRES_HOST": "127.0.0.1",
        "MUSIC_POSTGRES_PORT": provisioned.free_ports(1)[0],
        "MUSIC_POSTGRES_DATABASE": "music",
    }


@contextmanager
def start(data: Path | None = None) -> Iterator[Database]:
    """Start a server with the platform's scripts and stop it in the end; its data may lie elsewhere."""
    with provisioned.home_of("postgres") as (home, environment):
        environment |= settings()
        if data:
            environment["MUSIC_DATA_DIR"] = str(data)
        with provisioned.running("postgres.sh", home, environment, signal.SIGINT):
            sql = str(provisioned.CHECKOUT / "sql")
            migrate = str(provisioned.PROVISION / "migrate.py")
            provisioned.run([sys.executable, migrate, sql], environment)
            yield Database(*(_dsn(environment, role) for role in _PASSWORDS))


_PASSWORDS = {"app": "APPLICATION", "readonly": "READONLY", "owner": "OWNER"}


def _dsn(environment: dict[str, str], role: str) -> str:
    password, port = (
        environment[f"MUSIC_POSTGRES_{_PASSWORDS[role]}_PASSWORD"],
        environment["MUSIC_POSTGRES_PORT"],
    )
    return f"postgresql://music_{role}:{password}@127.0.0.1:{port}/music"
