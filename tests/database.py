"""A PostgreSQL server of the tests' own, made by the scripts that make every other, and thrown away."""

import getpass
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from music_platform import ports

from tests.waiting import wait_until

CHECKOUT = Path(__file__).parents[1]
PROVISION = CHECKOUT / "scripts" / "provision"
START_LIMIT_S = 60

# Below the ports that the system gives to outgoing connections.
PORTS = range(25_000, 26_000)

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

    def query(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a statement, in a transaction of its own; nothing for a statement without rows."""
        connection = psycopg2.connect(self.dsn)
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


@contextmanager
def start() -> Iterator[Database]:
    """Start a server with the platform's scripts and stop it in the end."""
    home = Path(tempfile.mkdtemp(prefix="music-postgres-test-"))
    # For root: PostgreSQL runs as an unprivileged user, who must get in.
    home.chmod(0o755)
    environment = _environment(home)
    try:
        # Built already, as a rule: then this takes no time.
        _run([str(Path(sys.executable).parent / "music-platform"), "artifacts"], environment)
        for verb in ("install", "configure"):
            _run([str(PROVISION / "postgres.sh"), verb], environment)
        with _running(environment, home / "log"):
            migrations = str(CHECKOUT / "sql" / "migrations")
            _run([sys.executable, str(PROVISION / "migrate.py"), migrations], environment)
            yield Database(_application_dsn(environment))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path) -> dict[str, str]:
    passwords = {
        f"MUSIC_POSTGRES_{role}_PASSWORD": secrets.token_hex(16)
        for role in ("OWNER", "APPLICATION", "READONLY", "REGISTRY")
    }
    return {
        **os.environ,
        **passwords,
        "MUSIC_ARTIFACTS_DIR": str(CHECKOUT / "build" / "artifacts"),
        "MUSIC_OPT_DIR": str(home / "opt"),
        "MUSIC_CONFIG_DIR": str(home / "etc"),
        "MUSIC_DATA_DIR": str(home / "data"),
        "MUSIC_POSTGRES_HOST": "127.0.0.1",
        "MUSIC_POSTGRES_PORT": str(_free_port()),
        "MUSIC_POSTGRES_DATABASE": "music",
        "MUSIC_RUN_AS": "nobody" if os.geteuid() == 0 else getpass.getuser(),
    }


def _free_port() -> int:
    return next(port for port in random.sample(PORTS, len(PORTS)) if ports.is_free(port))


def _run(command: list[str], environment: dict[str, str]) -> None:
    ran = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(command)} failed:\n{ran.stdout}\n{ran.stderr}"


@contextmanager
def _running(environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(PROVISION / "postgres.sh"), "run"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        health = [str(PROVISION / "postgres.sh"), "health"]
        wait_until(
            lambda: subprocess.run(health, env=environment, capture_output=True).returncode == 0,
            START_LIMIT_S,
            f"the start of PostgreSQL (its log: {log})",
        )
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(START_LIMIT_S)


def _application_dsn(environment: dict[str, str]) -> str:
    password, port = environment["MUSIC_POSTGRES_APPLICATION_PASSWORD"], environment["MUSIC_POSTGRES_PORT"]
    return f"postgresql://music_app:{password}@127.0.0.1:{port}/music"
