"""The query library as its files describe it, and the events that its tests are told in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests import records
from tests.records import Record, dimension_records, framed, playback
from tests.stream import Stream

FOLDER = Path(__file__).parents[1] / "sql" / "queries"
_MADE = {
    "users": records.user,
    "songs": records.song,
    "locations": records.location,
    "artists": records.artist,
    "albums": records.album,
    "devices": records.device,
}


@dataclass(frozen=True)
class Case:
    """A test of a query: what happened, and what it must answer."""

    query: str
    name: str
    dimensions: Mapping[str, list[dict[str, Any]]]
    batches: list[list[dict[str, Any]]]
    calls: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.query}/{self.name}"


def names() -> list[str]:
    """The queries, which are folders."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def metadata(query: str) -> dict[str, Any]:
    """What metadata.yaml says of a query."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / query / "metadata.yaml").read_text(encoding="utf-8"))
    return found


def tables_read(cursor: Any) -> dict[str, tuple[int, int]]:
    """What the open transaction has read: table -> scans of all of it, scans by an index."""
    cursor.execute(
        """SELECT schemaname || '.' || relname, coalesce(seq_scan, 0), coalesce(idx_scan, 0)
           FROM pg_stat_xact_all_tables
           WHERE schemaname IN ('warehouse', 'metrics', 'rollup', 'ops') AND (seq_scan > 0 OR idx_scan > 0)
           ORDER BY 1"""
    )
    return {relation: (whole, by_index) for relation, whole, by_index in cursor.fetchall()}


def is_large(relation: str) -> bool:
    """Whether it is a table of many rows: facts, metrics, rollups."""
    large = relation.startswith(("rollup.", "metrics.", "warehouse.stream_events"))
    return large and relation != "rollup.state"


def cases() -> Iterator[Case]:
    """Every test file of every query."""
    for query in names():
        for file in sorted((FOLDER / query / "tests").glob("*.yaml")):
            told = yaml.safe_load(file.read_text(encoding="utf-8"))
            batches = told["batches"] if "batches" in told else [told["events"]]
            yield Case(query, file.stem, told.get("dimensions", {}), batches, told["calls"])


def tell(stream: Stream, case: Case) -> Iterator[None]:
    """Let the events of a case happen, batch after batch; yields after each."""
    for kind, entries in case.dimensions.items():
        made = [_MADE[kind](**entry) for entry in entries]
        stream.commit(dimension_records(f"music.{kind}", *made))
    number = 0
    for events in case.batches:
        happened = []
        for event in events:
            changes = {"liked": False, **event}
            for _ in range(changes.pop("times", 1)):
                number += 1
                happened.append(_record(number, _with_time(changes)))
        stream.commit(happened)
        yield


def _with_time(event: dict[str, Any]) -> dict[str, Any]:
    """`at` is when the playback ended; a time of day alone counts `days_ago`."""
    event = dict(event)
    at, days_ago = event.pop("at", "12:00"), event.pop("days_ago", None)
    if days_ago is not None:
        day = datetime.now(UTC).date() - timedelta(days=days_ago)
        at = f"{day.isoformat()} {at}"
    ended = datetime.fromisoformat(at).replace(tzinfo=UTC)
    text = ended.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**event, "event_time": text, "started_at": text, "produced_at": text}


def _record(number: int, changes: Mapping[str, Any]) -> Record:
    event = playback(number, **changes)
    return Record(framed(event), offset=number, timestamp=datetime.fromisoformat(event["event_time"]))
