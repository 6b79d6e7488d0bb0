"""The report of a run: what Kafka has acknowledged, as JSON for people, tests and benches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from music_contract import times
from music_contract.topics import STREAM_EVENTS

from music_producer.sending.delivery import Delivery
from music_producer.settings import Settings

EVERY_SECONDS = 2.0


def summary(
    settings: Settings,
    deliveries: tuple[Delivery, Delivery],
    *,
    started_ms: int,
    now_ms: int,
    simulated_ms: tuple[int, int],
    seconds_to_first_event: float | None,
    event_seconds: float,
    history_events: int,
    finished: bool,
) -> dict[str, Any]:
    """Return the report.

    Args:
        settings: of the run.
        deliveries: of dimensions and of events.
        started_ms: when the run began, milliseconds since 1970 (UTC).
        now_ms: the present.
        simulated_ms: where simulated time began, and where it is.
        seconds_to_first_event: how long it took from the run's beginning until events could be made.
        event_seconds: how long live events have flowed so far, after the history's.
        history_events: how many events the history has.
        finished: whether everything is acknowledged and the run over.
    """
    dimensions, deliverer = deliveries
    tally = deliverer.tally
    acknowledged = dimensions.tally.acknowledged + tally.acknowledged
    events = tally.acknowledged[STREAM_EVENTS]
    return {
        "started_at": times.to_text(started_ms),
        "updated_at": times.to_text(now_ms),
        "finished": finished,
        "seed": settings.seed,
        "users": settings.users,
        "songs": settings.songs,
        "target_rate": settings.rate,
        "simulated_from": times.to_text(simulated_ms[0]),
        "simulated_until": times.to_text(simulated_ms[1]),
        "seconds_to_first_event": seconds_to_first_event,
        "acknowledged": dict(acknowledged),
        "acknowledged_events": events,
        "history_events": history_events,
        "acknowledged_dimensions": acknowledged.total() - events,
        "unacknowledged": sum(delivery.unacknowledged for delivery in deliveries),
        "events_per_s": round((events - history_events) / event_seconds, 1) if event_seconds > 0 else 0.0,
        "smallest_event_time": _text(tally.smallest_event_time_ms),
        "largest_event_time": _text(tally.largest_event_time_ms),
        "resent": sum(delivery.tally.resent for delivery in deliveries),
        "outages": max(delivery.outages.count for delivery in deliveries),
        "outage_seconds": round(max(delivery.outages.seconds for delivery in deliveries), 1),
    }


def write(path: Path, report: dict[str, Any]) -> None:
    """Replace the file at once: a reader sees the old report or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _text(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else times.to_text(epoch_ms)
