"""A PostgreSQL server of the tests' own, made by the scripts that make every other, and thrown away."""

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from tests.waiting import wait_until

CHECKOUT = Path(__file__).parents[1]
PROVISION = CHECKOUT / "scripts" / "provision"
START_LIMIT_S = 60


@dataclass(frozen=True)
class Database:
    """A migrated database, empty but for its schema."""

    dsn: str
    """For the role of the stream job, music_app."""
    owner_dsn: str
    """For music_owner, who may empty every table."""

    def empty(self) -> None:
        """Remove every row of the stream's tables; partitions stay."""
        with psycopg2.connect(self.owner_dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                """SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables
                   WHERE schemaname IN ('warehouse', 'metrics', 'ops')"""
            )
            (tables,) = cursor.fetchone() or ("",)
            cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY")
        connection.close()


@contextmanager
def start() -> Iterator[Database]:
    """Start a server with the platform's scripts and stop it in the end."""
    home = Path(tempfile.mkdtemp(prefix="music-postgres-test-"))
    # For root: PostgreSQL runs as an unprivileged user, who must get in.
    home.chmod(0o755)
    environment = _environment(home)
    try:
        for verb in ("install", "configure"):
            _script(verb, environment)
        with _running(environment, home / "log"):
            _migrate(environment)
            yield Database(*(_address(environment, role) for role in ("application", "owner")))
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _script(verb: str, environment: dict[str, str]) -> None:
    ran = subprocess.run(
        [str(PROVISION / "postgres.sh"), verb],
        env=environment,
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
    )
    assert ran.returncode == 0, f"postgres.sh {verb} failed:\n{ran.stdout}\n{ran.stderr}"


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


def _migrate(environment: dict[str, str]) -> None:
    command = [sys.executable, str(PROVISION / "migrate.py"), str(CHECKOUT / "sql" / "migrations")]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=START_LIMIT_S)
    assert ran.returncode == 0, f"the migrations failed:\n{ran.stdout}\n{ran.stderr}"


def _address(environment: dict[str, str], role: str) -> str:
    user = {"application": "music_app", "owner": "music_owner"}[role]
    password = environment[f"MUSIC_POSTGRES_{role.upper()}_PASSWORD"]
    return f"postgresql://{user}:{password}@127.0.0.1:{environment['MUSIC_POSTGRES_PORT']}/music"
