"""Keeps the rollups behind the analytics views fresh, beside the stream and on a connection of its own.

The work is rollup.refresh in the database (sql/rollups): one transaction, which counts what the batches since
the last one stored. The stream never waits for it; it lets the stream pass while that is behind. A failure
here is logged and tried again; the facts are the truth, the rollups only follow them.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from datetime import timedelta

import psycopg2
from psycopg2.extensions import connection as Connection

from music_spark.batches.backlog import Backlog
from music_spark.warehouse.postgres import fetch_value

log = logging.getLogger(__name__)

FACTS_AT_ONCE = 500_000
"""At most so many facts are counted in one transaction, so that a long backlog shows progress."""

LONGEST_PAUSE_S = 300.0
"""While the stream is behind, a refresh comes this seldom: both would take twice as long side by side."""

_LOOK_EVERY_S = 1.0
_WORTH_A_LINE_S = 10.0


class RollupRefresher:
    """Refreshes in a thread until it is stopped: every `interval`, and at once while there is a backlog."""

    def __init__(self, dsn: str, interval: timedelta, backlog: Backlog) -> None:
        self._dsn = dsn
        self._backlog = backlog
        self._interval = interval.total_seconds()
        self.waits = False
        """Whether it lets the stream pass just now."""
        self._stopping = threading.Event()
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="rollups", daemon=True)

    def start(self) -> None:
        """Begin; the first refresh comes at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, also in the middle of a refresh: it is rolled back and done again by the next run."""
        self._stopping.set()
        connection = self._connection
        if connection and not connection.closed:
            # The server may be away, which the connection has not noticed yet.
            with suppress(psycopg2.Error):
                connection.cancel()
        if self._thread.ident:
            self._thread.join()

    def _run(self) -> None:
        failure = ""
        while not self._stopping.is_set():
            self._let_the_stream_pass()
            try:
                while self._refresh() >= FACTS_AT_ONCE and not self._stopping.is_set():
                    self._let_the_stream_pass()
                failure = ""
            except psycopg2.Error as error:
                self._close()
                said = " ".join(str(error).split())
                if said != failure and not self._stopping.is_set():
                    log.warning("the rollups are not refreshed, and will be tried again: %s", said)
                failure = said
            self._stopping.wait(self._interval)
        self._close()

    def _let_the_stream_pass(self) -> None:
        """Wait while the stream is behind, but not for ever: it may be so for hours."""
        until = time.monotonic() + LONGEST_PAUSE_S
        while self._backlog.is_behind and time.monotonic() < until and not self._stopping.is_set():
            self.waits = True
            self._stopping.wait(_LOOK_EVERY_S)
        self.waits = False

    def _refresh(self) -> int:
        began = time.monotonic()
        connection = self._connection or self._open()
        with connection, connection.cursor() as cursor:
            facts: int = fetch_value(cursor, "SELECT rollup.refresh(%s)", [FACTS_AT_ONCE])
        took = time.monotonic() - began
        if took > _WORTH_A_LINE_S:
            log.info("rollups: %d facts counted in %.1f s", facts, took)
        return facts

    def _open(self) -> Connection:
        self._connection = psycopg2.connect(self._dsn, application_name="music-rollups", connect_timeout=10)
        # Facts, users and places have to be those of one moment.
        self._connection.set_session(isolation_level="REPEATABLE READ")
        return self._connection

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None
