"""The made world's own calendar."""

from __future__ import annotations

from datetime import date, timedelta

from music_contract import times

WORLD_START = date(2026, 1, 1)
"""The day on which the made world is as first published: every age, release and sign-up lies before it.

Fixed, so that the same seed gives the same bytes on any day.
"""

WORLD_START_TEXT = f"{WORLD_START.isoformat()}T00:00:00.000Z"
WORLD_START_MS = times.to_epoch_ms(WORLD_START_TEXT)


def day_before_start(days: int) -> str:
    """Return the date `days` days before the world's start, as the contract writes dates."""
    return (WORLD_START - timedelta(days=days)).isoformat()
