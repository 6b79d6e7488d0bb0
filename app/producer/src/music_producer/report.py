"""The report of a run: what Kafka has acknowledged, as JSON for people, tests and benches."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from music_contract import times
from music_contract.topics import STREAM_EVENTS

from music_producer.delivery import Delivery
from music_producer.settings import Settings

EVERY_SECONDS = 2.0


def summary(
    settings: Settings,
    delivery: Delivery,
    *,
    started_ms: int,
    now_ms: int,
    event_seconds: float,
    history_events: int,
    finished: bool,
) -> dict[str, Any]:
    """Return the report; `event_seconds` is how long live events have flowed so far, after the history's."""
    tally = delivery.tally
    events = tally.acknowledged[STREAM_EVENTS]
    return {
        "started_at": times.to_text(started_ms),
        "updated_at": times.to_text(now_ms),
        "finished": finished,
        "seed": settings.seed,
        "users": settings.users,
        "songs": settings.songs,
        # JSON knows no infinity.
        "target_rate": settings.rate if math.isfinite(settings.rate) else None,
        "acknowledged": dict(tally.acknowledged),
        "acknowledged_events": events,
        "history_events": history_events,
        "acknowledged_dimensions": tally.acknowledged.total() - events,
        "unacknowledged": delivery.unacknowledged,
        "events_per_s": round((events - history_events) / event_seconds, 1) if event_seconds > 0 else 0.0,
        "smallest_event_time": _text(tally.smallest_event_time_ms),
        "largest_event_time": _text(tally.largest_event_time_ms),
        "resent": tally.resent,
        "outages": delivery.outages.count,
        "outage_seconds": round(delivery.outages.seconds, 1),
    }


def write(path: Path, report: dict[str, Any]) -> None:
    """Replace the file at once: a reader sees the old report or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _text(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else times.to_text(epoch_ms)
