"""A metric family whose declaration has changed is summed anew from the facts, while the stream goes on.

The declaration by which the rows were summed is stored with its fingerprint. Where the present one differs,
the windows are rebuilt in steps, each a transaction between two batches: it replaces the rows of a span of
windows by what the facts say and moves the mark behind them. Whatever the stream adds to windows before the
mark is right at once; what it adds behind the mark is replaced when the mark comes by. So a crash at any line
costs the step under way, and nothing counts twice.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor

from music_spark.aggregation.families import MEASURES, Family
from music_spark.aggregation.sums import aligned
from music_spark.followers.auditing import aligned_span
from music_spark.settings import LONGEST_WINDOW
from music_spark.warehouse import ledger, metrics

log = logging.getLogger(__name__)

_FACTS_A_STEP = 100_000
"""What a step aims at: a second or two during which the next batch waits."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def declaration(family: Family) -> dict[str, Any]:
    """All that the rows of a family follow from, beside the facts."""
    return {
        "window_seconds": family.window.total_seconds(),
        "keys": [{**asdict(key), "constants": dict(key.constants)} for key in family.keys],
        "measures": dict(MEASURES),
        "distinct": dict(family.distinct),
        "revision": family.revision,
    }


def fingerprint(family: Family) -> str:
    """The same for the same declaration, and for no other."""
    return hashlib.sha256(orjson.dumps(declaration(family), option=orjson.OPT_SORT_KEYS)).hexdigest()


def declare(cursor: Cursor, run_id: UUID, families: Iterable[Family]) -> list[str]:
    """Store the declarations; the families whose rows are to be rebuilt, also from an earlier start."""
    cursor.execute("SELECT EXISTS (SELECT FROM warehouse.stream_events)")
    (has_facts,) = cursor.fetchone() or (False,)
    pending = []
    for family in families:
        cursor.execute(
            "SELECT fingerprint, rebuilding_from FROM ops.metric_families WHERE family = %s", [family.table]
        )
        stored = cursor.fetchone()
        if stored and stored[0] == fingerprint(family):
            if stored[1] is not None:
                pending.append(family.table)
            continue
        cursor.execute(
            """INSERT INTO ops.metric_families (family, fingerprint, declaration, rebuilding_from)
               VALUES (%s, %s, %s, %s)
               ON CONFLICT (family) DO UPDATE SET fingerprint = excluded.fingerprint,
                   declaration = excluded.declaration, rebuilding_from = excluded.rebuilding_from,
                   declared_at = now()""",
            [
                family.table,
                fingerprint(family),
                orjson.dumps(declaration(family)).decode(),
                _BEGINNING if has_facts else None,
            ],
        )
        if has_facts:
            pending.append(family.table)
            change = "its declaration has changed" if stored else "there are facts from before it"
            detail = f"metrics.{family.table} is rebuilt from the facts: {change}"
            _say(cursor, run_id, "rebuild_started", detail)
    return pending


class DeclaredOtherwise(Exception):
    """Another job has declared a metric otherwise since this run began."""


def require_declared(cursor: Cursor, families: Iterable[Family]) -> None:
    """Raise DeclaredOtherwise unless the stored declarations are these: when a run comes back to its lock."""
    cursor.execute("SELECT family, fingerprint FROM ops.metric_families")
    stored = dict(cursor.fetchall())
    other = [family.table for family in families if stored.get(family.table) != fingerprint(family)]
    if other:
        raise DeclaredOtherwise(f"another job wrote meanwhile, by other declarations of {', '.join(other)}")


@dataclass
class Rebuilding:
    """The families that are rebuilt, one after the other, step by step."""

    run_id: UUID
    families: Mapping[str, Family]
    pending: list[str]
    _spans: dict[str, timedelta] = field(default_factory=dict)

    def step(self, cursor: Cursor) -> bool:
        """Rebuild the next span of windows of the first family, in a transaction of its own; whether that was
        all of them.
        """
        family = self.families[self.pending[0]]
        cursor.execute("SELECT rebuilding_from FROM ops.metric_families WHERE family = %s", [family.table])
        (mark,) = cursor.fetchone() or (None,)
        start = None if mark is None else _next_window(cursor, self.families, family, mark)
        if start is None:
            cursor.execute(
                "UPDATE ops.metric_families SET rebuilding_from = NULL WHERE family = %s", [family.table]
            )
            _say(cursor, self.run_id, "rebuild_finished", f"metrics.{family.table} is rebuilt from the facts")
            return True
        span = self._spans.get(family.table, aligned_span(timedelta(hours=1), family.window))
        end = start + span
        facts = metrics.rebuild(cursor, family, start, end)
        cursor.execute(
            "UPDATE ops.metric_families SET rebuilding_from = %s WHERE family = %s", [end, family.table]
        )
        log.info("metrics.%s: %d facts summed anew, up to %s", family.table, facts, end)
        if facts > 2 * _FACTS_A_STEP:
            span = aligned_span(span / 2, family.window)
        elif facts < _FACTS_A_STEP / 2:
            span = min(2 * span, aligned_span(LONGEST_WINDOW, family.window))
        self._spans[family.table] = span
        return False


def _next_window(
    cursor: Cursor, families: Mapping[str, Family], family: Family, mark: datetime
) -> datetime | None:
    """The family's first window from the mark on that may have facts or rows; None when there is none.

    Every fact has a row in each family that is not rebuilt just now: looks into primary keys find the next
    one. A row may begin up to its window's length, a day at most, before its facts.
    """
    looks = " UNION ALL ".join(
        f"SELECT min(window_start) AS start FROM metrics.{other.table} WHERE window_start > %(after)s"
        for other in families.values()
    )
    cursor.execute(f"SELECT min(start) FROM ({looks}) AS looks", {"after": mark - LONGEST_WINDOW})
    (start,) = cursor.fetchone() or (None,)
    return None if start is None else max(mark, aligned(start, family.window))


def _say(cursor: Cursor, run_id: UUID, kind: str, detail: str) -> None:
    log.warning(detail)
    ledger.note(cursor, run_id, kind, detail)
