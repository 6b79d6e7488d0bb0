"""The made world's own calendar."""

from __future__ import annotations

from datetime import date

from music_contract import times

WORLD_START = date(2026, 1, 1)
"""The day on which the made world begins: earlier ages, releases and sign-ups are its past, later ones come.

Fixed, so that the same seed gives the same bytes on any day.
"""

WORLD_START_TEXT = f"{WORLD_START.isoformat()}T00:00:00.000Z"
WORLD_START_MS = times.to_epoch_ms(WORLD_START_TEXT)

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000

CHANGING_DAYS = 1_096
"""So many days (three years) after its start the world goes on changing; then only playbacks come."""
