"""A gate in the stream's transaction: the writer waits at a chosen step of a commit until the gate is opened.

The gate is a trigger of the test's own on a table that the step writes, or a lock on the rows that it reads
first; the job under test is as it is deployed.
"""

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import connection as Connection

from tests import audit
from tests.faults.scale import RECOVERY_LIMIT_S
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

_LOCK = 0x67617465
"""Key of the advisory lock ("gate" in ASCII) that the writer waits for."""

_WAITING = """
SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
WHERE a.application_name = 'music-stream' AND NOT l.granted AND pg_blocking_pids(a.pid) @> ARRAY[%s]"""


@dataclass(frozen=True)
class Gate:
    """Where the writer is held."""

    step: str
    table: str
    timing: str
    """BEFORE or AFTER the statement that writes the table; COMMIT: when all is written, within the commit;
    LOCKED: before anything is, as its rows are locked.
    """


GATES = (
    Gate("before anything of the batch is written", "ops.partitions", "LOCKED"),
    Gate("before the facts", "warehouse.stream_events", "BEFORE"),
    Gate("after the facts", "warehouse.stream_events", "AFTER"),
    Gate("after the watermark", "ops.watermarks", "AFTER"),
    Gate("before the first metrics", "metrics.user_engagement_sums", "BEFORE"),
    Gate("after the last metrics", "metrics.hourly_sums", "AFTER"),
    Gate("after the dead letters", "ops.dead_letters", "AFTER"),
    Gate("after the positions", "ops.partitions", "AFTER"),
    Gate("after the ledger", "ops.batches", "AFTER"),
    Gate("within the commit, whose answer never comes", "ops.batches", "COMMIT"),
)
"""The steps of a commit, in their order."""


def as_owner(platform: SecondPlatform) -> Connection:
    """A connection of the tables' owner, each statement of which counts at once; waits for the database."""
    secrets = (platform.instance_dir / "secrets" / "postgres.env").read_text()
    passwords = dict(word.split("=", 1) for word in shlex.split(secrets))

    def connect() -> Connection | None:
        try:
            return psycopg2.connect(
                platform.postgres_dsn, user="music_owner", password=passwords["MUSIC_POSTGRES_OWNER_PASSWORD"]
            )
        except psycopg2.OperationalError:
            return None

    connection = wait_until(connect, RECOVERY_LIMIT_S, "the database answers")
    assert connection is not None
    connection.autocommit = True
    return connection


@contextmanager
def closed(platform: SecondPlatform, gate: Gate) -> Iterator["Guard"]:
    """The gate is closed within, and gone afterwards."""
    holder = as_owner(platform)
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            if gate.timing == "LOCKED":
                cursor.execute(f"BEGIN; SELECT FROM {gate.table} FOR UPDATE")
            else:
                cursor.execute(_trigger(gate))
        yield Guard(platform, holder)
    finally:
        holder.close()
        with closing(as_owner(platform)) as owner, owner.cursor() as cursor:
            cursor.execute("DROP FUNCTION IF EXISTS ops.gate CASCADE")


def _trigger(gate: Gate) -> str:
    kind = f"CREATE TRIGGER gate {gate.timing} INSERT OR UPDATE ON {gate.table} FOR EACH STATEMENT"
    if gate.timing == "COMMIT":
        kind = f"""CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON {gate.table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"""
    return f"""
        CREATE FUNCTION ops.gate() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared({_LOCK}); RETURN NULL; END $$;
        {kind} EXECUTE FUNCTION ops.gate();"""


@dataclass(frozen=True)
class Guard:
    """Who stands at a closed gate."""

    platform: SecondPlatform
    holder: Connection

    def await_writer(self) -> None:
        """Wait until the stream's writer stands at the gate."""
        held_by = self.holder.info.backend_pid

        def stands() -> bool:
            with audit.reader(self.platform.postgres_dsn) as cursor:
                cursor.execute(_WAITING, [held_by])
                return bool(cursor.fetchone() != (0,))

        wait_until(stands, RECOVERY_LIMIT_S, "the writer stands at the gate")

    def open(self) -> None:
        """Let pass whoever waits, and whoever comes."""
        self.holder.close()
