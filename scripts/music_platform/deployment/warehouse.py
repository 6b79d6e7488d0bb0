"""What the warehouse in PostgreSQL says about the platform; reading only."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, cast

import psycopg2
import psycopg2.extensions

from music_platform.errors import PlatformError

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 15_000

Connection: TypeAlias = psycopg2.extensions.connection


@dataclass(frozen=True)
class Rows:
    """The rows of a query with the names of their columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __bool__(self) -> bool:
        """Whether there is any row."""
        return bool(self.rows)

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each row by the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Flow:
    """Whether data arrives: what the stream stored since its start, how fast, and what there is to show."""

    stream_started_at: datetime | None
    facts: int
    events_per_second: float
    newest_facts: Rows
    newest_windows: Rows

    def has_started_since(self, moment: datetime) -> bool:
        """Whether the stream has started, and not before the moment."""
        return self.stream_started_at is not None and self.stream_started_at >= moment

    def describe(self) -> str:
        """Say what has arrived so far."""
        windows = f"{len(self.newest_windows.rows)} of {len(_METRICS)} metrics have windows"
        return f"{self.facts:,} facts stored since the stream started, {windows}"

    @property
    def flows(self) -> bool:
        """Whether facts were stored since the start, and every metric has a recent window."""
        return self.facts > 0 and bool(self.newest_facts) and len(self.newest_windows.rows) == len(_METRICS)


@dataclass(frozen=True)
class Listening:
    """How much of a listener is stored, and how far the stream is."""

    listens: int
    lag_records: int
    is_caught_up: bool


@contextmanager
def connect(dsn: str) -> Iterator[Connection]:
    """Open a read-only connection that gives up in time; raise a PlatformError when it cannot be had."""
    try:
        connection = psycopg2.connect(
            dsn,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="music-platform",
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC",
        )
    except psycopg2.OperationalError as error:
        raise PlatformError(f"PostgreSQL does not answer: {str(error).strip().splitlines()[0]}") from error
    connection.set_session(readonly=True, autocommit=True)
    try:
        yield connection
    except psycopg2.Error as error:
        raise PlatformError(f"PostgreSQL refused a query: {str(error).strip().splitlines()[0]}") from error
    finally:
        connection.close()


def query(connection: Connection, sql: str, *parameters: object) -> Rows:
    """Run one query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return Rows([column.name for column in cursor.description or ()], cursor.fetchall())


def flow(connection: Connection) -> Flow:
    """Return what flows now."""
    ((started_at, facts, rate),) = query(connection, PACE).rows
    return Flow(started_at, facts, rate, query(connection, NEWEST_FACTS), query(connection, NEWEST_WINDOWS))


def now(connection: Connection) -> datetime:
    """Return the server's time."""
    ((moment,),) = query(connection, "SELECT now()").rows
    return cast(datetime, moment)


def listening(connection: Connection, user_id: str, sent_at: datetime) -> Listening:
    """Return what is stored of a listener, and whether that is all that was sent until a moment."""
    ((listens, lag, is_newer),) = query(connection, LISTENING, user_id, sent_at).rows
    return Listening(listens, lag or 0, bool(is_newer) and lag <= CAUGHT_UP_RECORDS)


def favourites(connection: Connection, user_id: str) -> Rows:
    """Return the artists that a listener played most."""
    return query(connection, FAVOURITES, user_id)


def stream_health(connection: Connection) -> Rows:
    """Return the state of every streaming query, and when it began."""
    return query(connection, STREAM_HEALTH)


def conservation(connection: Connection) -> Rows:
    """Return, for every topic, whether what was read is what was stored."""
    return query(connection, CONSERVATION)


def imbalances(connection: Connection) -> Rows:
    """Return what the audit found that does not balance, and still does not."""
    return query(connection, IMBALANCES)


def rebuilds(connection: Connection) -> Rows:
    """Return the metric families that are being rebuilt, with the time up to which they are."""
    return query(connection, REBUILDS)


STREAM_HEALTH = """
SELECT
    health.*,
    (
        SELECT max(e.recorded_at) FROM ops.query_events AS e
        WHERE e.query = health.query AND e.kind = 'started'
    ) AS started_at
FROM ops.stream_health AS health
ORDER BY health.query
"""

# Since the stream's last start, and at most of the last half minute: what came before says nothing about now.
PACE = """
SELECT
    start.at AS stream_started_at,
    coalesce(sum(batch.facts), 0)::bigint AS facts,
    coalesce(
        sum(batch.facts) FILTER (WHERE batch.committed_at > now() - interval '30 seconds')
        / extract(EPOCH FROM least(now() - start.at, interval '30 seconds')),
        0
    )::double precision AS events_per_second
FROM (SELECT max(recorded_at) AS at FROM ops.query_events WHERE kind = 'started') AS start
LEFT JOIN ops.batches AS batch ON batch.committed_at > start.at
GROUP BY start.at
"""

CAUGHT_UP_RECORDS = 2_000
"""What live events leave to read between two batches."""

LISTENING = """
SELECT
    (SELECT count(*) FROM analytics.stream_events WHERE user_id = %s),
    health.lag_records,
    -- A stream with nothing to read reports no progress: then its last report counts after a while.
    health.last_progress_at > sent.at OR now() > sent.at + interval '15 seconds'
FROM (SELECT %s::timestamptz AS at) AS sent
LEFT JOIN ops.stream_health AS health ON true
"""

FAVOURITES = """
SELECT
    artist, count(*) AS plays, sum(ms_played) / 3600000.0::double precision AS hours,
    min(event_time) AS first_played, max(event_time) AS last_played
FROM analytics.stream_events WHERE user_id = %s
GROUP BY artist
ORDER BY plays DESC, hours DESC
LIMIT 5
"""

# The first few of each scope: one row that is wrong can make hundreds wrong of another.
IMBALANCES = """
SELECT scope, subject, expected, found, first_seen_at FROM (
    SELECT *, row_number() OVER (PARTITION BY scope ORDER BY first_seen_at, id) AS number
    FROM ops.imbalances WHERE resolved_at IS NULL
) AS open
WHERE number <= 4 ORDER BY scope, number
"""

REBUILDS = """
SELECT family, rebuilding_from FROM ops.metric_families WHERE rebuilding_from IS NOT NULL ORDER BY family
"""

CONSERVATION = """
SELECT
    topic, sum(read)::bigint AS read, sum(facts)::bigint AS facts, sum(duplicates)::bigint AS duplicates,
    sum(dimensions)::bigint AS dimensions, sum(dead_letters)::bigint AS dead_letters,
    sum(missing)::bigint AS missing, bool_and(balanced) AS balanced
FROM ops.conservation
GROUP BY topic
ORDER BY topic
"""

NEWEST_FACTS = """
SELECT event_time, user_id, song, artist, city, ms_played, reason_end, ingested_at
FROM analytics.stream_events
WHERE event_time > now() - interval '1 hour'
ORDER BY event_time DESC
LIMIT 5
"""

# The newest and busiest window of each metric: name, its key, its view (with a filter).
_METRICS = (
    ("hourly", "NULL::text", "analytics.hourly WHERE true"),
    ("song", "content_name", "analytics.content_performance WHERE content_type = 'song'"),
    ("artist", "content_name", "analytics.content_performance WHERE content_type = 'artist'"),
    ("genre", "content_name", "analytics.content_performance WHERE content_type = 'genre'"),
    ("device", "coalesce(model, device_id)", "analytics.device WHERE true"),
    ("location", "coalesce(city, location_id)", "analytics.location WHERE true"),
    ("user", "user_id", "analytics.user_engagement WHERE true"),
)

NEWEST_WINDOWS = "\nUNION ALL\n".join(
    f"""(
SELECT
    '{name}' AS metric, {key} AS key, window_start, window_end,
    plays, streams, completed, skipped, completion_rate, is_final
FROM {view} AND window_start > now() - interval '2 hours'
ORDER BY window_start DESC, plays DESC
LIMIT 1
)"""
    for name, key, view in _METRICS
)
