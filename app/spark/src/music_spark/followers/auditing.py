"""The audit of the books, without end and beside the stream: partitions, totals, and metrics against facts.

What is true at every commit can be checked at any moment, in one statement: a partition's records are
accounted for, and a metric row is the sums of its facts. The windows that closed last are looked at again and
again; all others in turn, in spans that take about _LOOK_S each, so that the audit's load is bounded however
long the history is. What does not balance stands in ops.imbalances until it does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import UUID, uuid4

import psycopg2
from music_contract.topics import STREAM_EVENTS
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from music_spark.aggregation.families import MEASURES, Family, Key
from music_spark.aggregation.sums import aligned
from music_spark.batches.backlog import Backlog
from music_spark.warehouse import ledger
from music_spark.warehouse.metrics import FACT_COLUMNS

log = logging.getLogger(__name__)

_PAUSE_S = 1.5
"""Between two looks; with about a dozen of them to a round over all scopes."""
_PAUSE_BEHIND_S = 5.0
"""The same while the stream is behind: a round still takes no more than a minute."""
_LOOK_S = 0.3
_STATEMENT_LIMIT_MS = 60_000
_JUST_CLOSED = timedelta(minutes=10)
_LONGEST_SPAN = timedelta(days=30)
_MOST_FOUND = 100
"""Rows reported of one look: who sees a hundred needs no more."""

Moments = tuple[datetime, datetime]
"""From, until (exclusive)."""


@dataclass(frozen=True)
class Imbalance:
    """Something that is not what it must be."""

    subject: str
    expected: str
    found: str
    window_start: datetime | None = None


@dataclass
class Sweep:
    """The way of an audit through a range of windows, over and over."""

    span: timedelta
    reached: datetime | None = None
    round_started_at: datetime | None = None
    round_finished_at: datetime | None = None

    def next(self, family: Family, bounds: Moments) -> Moments:
        """The windows to look at next, within the bounds."""
        first, end = bounds
        if self.reached is None or not first <= self.reached < end:
            self.reached = aligned(first, family.window)
            self.round_started_at = datetime.now(UTC)
        return self.reached, min(self.reached + self.span, end)

    def done(self, until: datetime, bounds: Moments, took_s: float, family: Family) -> None:
        """Go on behind what was looked at; a look that took long is followed by a shorter one."""
        self.reached = until
        if until >= bounds[1]:
            self.round_finished_at = datetime.now(UTC)
        if took_s > 2 * _LOOK_S:
            self.shorten(family)
        elif took_s < _LOOK_S / 2:
            self.span = min(aligned_span(_LONGEST_SPAN, family.window), self.span * 2)

    def shorten(self, family: Family) -> None:
        """Look at half as much next time, at one window at least."""
        self.span = max(family.window, aligned_span(self.span / 2, family.window))


def aligned_span(span: timedelta, window: timedelta) -> timedelta:
    """As many whole windows as fit, one at least."""
    return max(span // window, 1) * window


@dataclass(eq=False)
class Auditor(threading.Thread):
    """Looks at the books until it is stopped; a fault of its own stops nothing else."""

    dsn: str = field(repr=False)
    families: Mapping[str, Family]
    backlog: Backlog = field(default_factory=lambda: Backlog(1))
    run_id: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        super().__init__(name="audit", daemon=True)
        self._ended = threading.Event()

    def run(self) -> None:
        """Look after look."""
        looks = cycle(self._looks())
        connection: Connection | None = None
        while not self._ended.wait(_PAUSE_BEHIND_S if self.backlog.is_behind else _PAUSE_S):
            try:
                connection = connection or connect(self.dsn)
                with connection, connection.cursor() as cursor:
                    next(looks)(cursor)
            except psycopg2.Error as error:
                log.warning("the audit waits: %s", " ".join(str(error).split()))
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()

    def stop(self) -> None:
        """End after the look under way."""
        self._ended.set()

    def _looks(self) -> Sequence[Look]:
        looks: list[Look] = [Books(self.run_id, self.families)]
        for family in self.families.values():
            looks += [FamilyLook(self.run_id, self.families, family, recent) for recent in (True, False)]
        return looks


def connect(dsn: str) -> Connection:
    """A connection for audits: one that never waits long, and leaves the other cores to the stream."""
    limits = f"-c statement_timeout={_STATEMENT_LIMIT_MS} -c max_parallel_workers_per_gather=0"
    return psycopg2.connect(
        dsn, application_name="music-stream-audit", connect_timeout=5, options=f"{limits} -c timezone=UTC"
    )


@dataclass
class Look:
    """One thing to look at, again and again."""

    run_id: UUID
    families: Mapping[str, Family]

    def __call__(self, cursor: Cursor) -> None:
        """Look, and write down what was found."""
        raise NotImplementedError


class Books(Look):
    """What was read is what became of it; and as many facts were counted as the hourly metrics have plays."""

    def __call__(self, cursor: Cursor) -> None:
        """Look at all partitions and at the totals."""
        _settle(cursor, self.run_id, "partitions", partitions_that_differ(cursor), None)
        if "hourly" in self.families and not is_rebuilding(cursor, "hourly"):
            _settle(cursor, self.run_id, "totals", totals_that_differ(cursor), None)


@dataclass
class FamilyLook(Look):
    """The rows of a family against the facts of their windows: those that closed last, or all in turn."""

    family: Family
    recent: bool

    def __post_init__(self) -> None:
        self._sweep = Sweep(aligned_span(timedelta(hours=1), self.family.window))

    def __call__(self, cursor: Cursor) -> None:
        """Look at the next span of windows."""
        table = self.family.table
        if is_rebuilding(cursor, table):
            return
        bounds = self._bounds(cursor)
        if bounds is None:
            return
        moments = self._sweep.next(self.family, bounds)
        began = time.monotonic()
        try:
            differing = rows_that_differ(cursor, self.family, moments)
        except psycopg2.errors.QueryCanceled:
            # Years of few facts make a span long; where they lie close it has to be short again, or the audit
            # would ask for the same too much for ever.
            self._sweep.shorten(self.family)
            raise
        self._sweep.done(moments[1], bounds, time.monotonic() - began, self.family)
        if self.recent:
            _settle(cursor, self.run_id, table, differing, moments)
            return
        _settle(cursor, self.run_id, table, differing, moments, self._sweep)
        if moments[1] >= bounds[1]:
            _resolve_outside(cursor, table, bounds)

    def _bounds(self, cursor: Cursor) -> Moments | None:
        """The range to go through; None before the first metric."""
        first, end = known_windows(cursor, self.families)
        if first is None or end is None:
            return None
        watermark = ledger.watermark(cursor)
        if self.recent and watermark:
            # With a window of room: the one that the watermark is in counts as well.
            first = max(first, aligned(watermark - _JUST_CLOSED, self.family.window) - self.family.window)
            end = min(end, aligned(watermark, self.family.window) + self.family.window)
        # Whole windows only: of half a one, the facts are fewer than the row says.
        first = aligned(first, self.family.window)
        end = aligned(end - timedelta(microseconds=1), self.family.window) + self.family.window
        return (first, end) if first < end else None


def known_windows(cursor: Cursor, families: Mapping[str, Family]) -> tuple[datetime | None, datetime | None]:
    """Start of the first and end of the last window of any family (each a look into its primary key)."""
    spans = " UNION ALL ".join(
        f"SELECT min(window_start) AS first, max(window_start) + %s AS last FROM metrics.{family.table}"
        for family in families.values()
    )
    windows = [family.window for family in families.values()]
    cursor.execute(f"SELECT min(first), max(last) FROM ({spans}) AS spans", windows)
    first, last = cursor.fetchone() or (None, None)
    return first, last


def is_rebuilding(cursor: Cursor, family: str) -> bool:
    """Whether the family's rows are still of two declarations."""
    cursor.execute(
        "SELECT FROM ops.metric_families WHERE family = %s AND rebuilding_from IS NOT NULL", [family]
    )
    return cursor.fetchone() is not None


def partitions_that_differ(cursor: Cursor) -> list[Imbalance]:
    """Partitions whose position passed offsets that were neither read nor known to be missing, or of which
    some records have become nothing, or more than one thing.
    """
    cursor.execute(
        """SELECT topic || '/' || partition, offsets_passed, read, missing,
                  facts + duplicates + dimensions + dead_letters
           FROM ops.conservation WHERE NOT balanced ORDER BY 1 LIMIT %s""",
        [_MOST_FOUND],
    )
    return [
        Imbalance(
            place,
            f"{passed} offsets passed, {read} records read",
            f"{missing} offsets missing, {became} records accounted for",
        )
        for place, passed, read, missing, became in cursor.fetchall()
    ]


def totals_that_differ(cursor: Cursor) -> list[Imbalance]:
    """The facts that the partitions counted against the plays of all hours."""
    cursor.execute(
        """SELECT (SELECT coalesce(sum(facts), 0)::bigint FROM ops.partitions WHERE topic = %s),
                  (SELECT coalesce(sum(plays), 0)::bigint FROM metrics.hourly)""",
        [STREAM_EVENTS],
    )
    counted, summed = cursor.fetchone() or (0, 0)
    if counted == summed:
        return []
    return [Imbalance("facts", f"{counted} facts stored", f"{summed} plays in metrics.hourly")]


def rows_that_differ(cursor: Cursor, family: Family, moments: Moments) -> list[Imbalance]:
    """Rows of a family's windows whose sums are not those of the facts; missing and surplus ones too."""
    start, end = moments
    keys = ("window_start", *family.key_columns)
    measures = ", ".join(f"{{0}}.{name}" for name in MEASURES)
    found, expected = measures.format("m"), measures.format("f")
    cursor.execute(
        f"""WITH played AS MATERIALIZED (
                SELECT {", ".join(FACT_COLUMNS.names)} FROM warehouse.stream_events
                WHERE event_time >= %(start)s AND event_time < %(end)s
                  AND event_date BETWEEN %(first_day)s AND %(last_day)s
            ), f AS ({" UNION ALL ".join(_sums(family, key) for key in family.keys or (None,))}),
            m AS (
                SELECT * FROM metrics.{family.table}
                WHERE window_start >= %(start)s AND window_start < %(end)s
            )
            SELECT window_start, concat_ws(' ', {", ".join(keys)}), ROW({expected})::text, ROW({found})::text
            FROM m FULL JOIN f USING ({", ".join(keys)})
            WHERE ROW({found}) IS DISTINCT FROM ROW({expected})
            LIMIT {_MOST_FOUND}""",
        {
            "start": start,
            "end": end,
            "first_day": start.astimezone(UTC).date(),
            "last_day": end.astimezone(UTC).date(),
            "window": family.window,
        },
    )
    names = ", ".join(MEASURES)
    return [
        Imbalance(subject, f"{names}: {wanted}", f"{names}: {has}", window_start)
        for window_start, subject, wanted, has in cursor.fetchall()
    ]


def _sums(family: Family, key: Key | None) -> str:
    values = {"window_start": "date_bin(%(window)s, event_time, timestamptz 'epoch')"}
    if key:
        values |= {name: f"'{value}'" for name, value in key.constants.items()} | {key.column: key.source}
    sums = [
        f"sum({source}{'' if source == 'ms_played' else '::int'})::bigint AS {measure}"
        if source
        else f"count(*) AS {measure}"
        for measure, source in MEASURES.items()
    ]
    columns = [f"{values[name]} AS {name}" for name in ("window_start", *family.key_columns)]
    groups = ", ".join(str(n + 1) for n in range(len(columns)))
    return f"SELECT {', '.join((*columns, *sums))} FROM played GROUP BY {groups}"


def _settle(
    cursor: Cursor,
    run_id: UUID,
    scope: str,
    found: Sequence[Imbalance],
    moments: Moments | None,
    sweep: Sweep | None = None,
) -> None:
    """Write down what was looked at, what does not balance, and what of it does again."""
    for imbalance in found:
        cursor.execute(
            """INSERT INTO ops.imbalances (scope, subject, window_start, expected, found)
               VALUES (%s, %s, %s, %s, %s)
               ON CONFLICT (scope, subject) WHERE resolved_at IS NULL
               DO UPDATE SET expected = excluded.expected, found = excluded.found, last_seen_at = now()
               RETURNING xmax = 0""",
            [scope, imbalance.subject, imbalance.window_start, imbalance.expected, imbalance.found],
        )
        if cursor.fetchone() == (True,):
            detail = f"{scope}, {imbalance.subject}: {imbalance.found}; expected {imbalance.expected}"
            log.error("the books do not balance: %s", detail)
            ledger.note(cursor, run_id, "imbalance", detail)
    start, end = moments or (None, None)
    # Of so many, others than these may be wrong as well.
    if len(found) < _MOST_FOUND:
        cursor.execute(
            """UPDATE ops.imbalances SET resolved_at = now()
               WHERE scope = %s AND resolved_at IS NULL AND subject <> ALL(%s)
                 AND (window_start IS NULL OR window_start >= %s AND window_start < %s)""",
            [scope, [imbalance.subject for imbalance in found], start, end],
        )
    cursor.execute(
        """INSERT INTO ops.audits AS a
               (scope, checked_at, checked_from, checked_to, round_started_at, round_finished_at)
           VALUES (%s, now(), %s, %s, %s, %s)
           ON CONFLICT (scope) DO UPDATE SET checked_at = excluded.checked_at,
               checked_from = excluded.checked_from, checked_to = excluded.checked_to,
               round_started_at = coalesce(excluded.round_started_at, a.round_started_at),
               round_finished_at = coalesce(excluded.round_finished_at, a.round_finished_at)""",
        [
            scope,
            start,
            end,
            sweep.round_started_at if sweep else None,
            sweep.round_finished_at if sweep else None,
        ],
    )


def _resolve_outside(cursor: Cursor, scope: str, bounds: Moments) -> None:
    """What was wrong before the first window or behind the last one is gone with its row."""
    cursor.execute(
        """UPDATE ops.imbalances SET resolved_at = now()
           WHERE scope = %s AND resolved_at IS NULL AND NOT (window_start >= %s AND window_start < %s)""",
        [scope, *bounds],
    )
