"""When people listen: the hours of a week in their own time zone, and the wait until a next session.

Sessions begin as a Poisson process whose rate follows the week: low at night, a commute on weekdays at 8 and
17, the peak in the evening, later and longer before a free day. The shape is ours; that evenings peak and
that weekdays have a morning commute is what music services report.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from music_producer.world.dates import DAY_MS, HOUR_MS

Moments = NDArray[np.int64]

# Sessions begun an hour, relative; from midnight on.
_WEEKDAY = (
    0.35, 0.20, 0.12, 0.08, 0.10, 0.25, 0.60, 1.20, 1.45, 1.05, 0.95, 1.00,
    1.10, 1.05, 1.00, 1.05, 1.25, 1.50, 1.55, 1.70, 1.85, 1.75, 1.30, 0.75,
)  # fmt: skip
_FREE_DAY = (
    0.60, 0.40, 0.25, 0.15, 0.10, 0.12, 0.25, 0.45, 0.75, 1.05, 1.25, 1.35,
    1.35, 1.35, 1.30, 1.30, 1.35, 1.45, 1.55, 1.65, 1.75, 1.70, 1.45, 1.00,
)  # fmt: skip
WEEK_CURVE = np.array([*_WEEKDAY * 4, *_WEEKDAY[:20], *_FREE_DAY[20:], *_FREE_DAY * 2])
"""Relative rate at which sessions begin in each of the 168 hours from Monday midnight on; its mean is 1."""
WEEK_CURVE /= WEEK_CURVE.mean()

WEEK_MS = 7 * DAY_MS
_MONDAY_MS = 4 * DAY_MS
"""1970-01-01 was a Thursday."""

_BLOCK_MS = 6 * HOUR_MS

_HOURS = np.arange(169, dtype=np.float64) * HOUR_MS
_REACHED = np.concatenate(([0.0], np.cumsum(WEEK_CURVE) * HOUR_MS))
"""Expected sessions since Monday midnight, for a listener who begins one a millisecond on average."""


class LocalTime:
    """The clocks of places: what the week's hour is there."""

    def __init__(self, time_zones: Sequence[str]) -> None:
        self._names = tuple(dict.fromkeys(time_zones))
        numbers = {name: number for number, name in enumerate(self._names)}
        self._zone_of_place = np.array([numbers[name] for name in time_zones])
        self._zones = [ZoneInfo(name) for name in self._names]
        self._offsets: dict[int, NDArray[np.int64]] = {}

    def offset_ms(self, places: NDArray[np.integer], moments: Moments) -> Moments:
        """Return how far local time is ahead of UTC, in milliseconds.

        Daylight saving counts from the next quarter of the UTC day on.
        """
        blocks = moments // _BLOCK_MS
        offsets = np.empty(len(moments), dtype=np.int64)
        for block in np.unique(blocks).tolist():
            rows = blocks == block
            offsets[rows] = self._of_block(block)[self._zone_of_place[places[rows]]]
        return offsets

    def _of_block(self, block: int) -> NDArray[np.int64]:
        if block not in self._offsets:
            if len(self._offsets) > 10_000:
                self._offsets.clear()
            moment = datetime.fromtimestamp(block * _BLOCK_MS / 1000, UTC)
            seconds = [moment.astimezone(zone).utcoffset() for zone in self._zones]
            self._offsets[block] = np.array(
                [0 if offset is None else round(offset.total_seconds() * 1000) for offset in seconds]
            )
        return self._offsets[block]


def next_session_ms(
    after: Moments, offset_ms: Moments, per_ms: NDArray[np.float64], quantiles: NDArray[np.float64]
) -> Moments:
    """Return when the next session begins.

    Args:
        after: moments from which on it may begin, milliseconds since 1970 (UTC).
        offset_ms: how far local time is ahead of UTC.
        per_ms: sessions that the listener begins a millisecond while away, on the week's average.
        quantiles: even draws of [0, 1).
    """
    in_week = (after + offset_ms - _MONDAY_MS) % WEEK_MS
    reached = np.interp(in_week, _HOURS, _REACHED) - np.log1p(-quantiles) / per_ms
    weeks, rest = np.divmod(reached, _REACHED[-1])
    begins = weeks * WEEK_MS + np.interp(rest, _REACHED, _HOURS)
    # Whoever listens hardly ever waits for longer than the world lasts: keep it within 64 bits.
    wait = np.minimum(begins - in_week, 1e14)
    return np.asarray(after + np.maximum(wait, 1).astype(np.int64))


def rate_at(offset_ms: Moments, moments: Moments) -> NDArray[np.float64]:
    """Return the week's relative rate at moments."""
    hour = (moments + offset_ms - _MONDAY_MS) % WEEK_MS // HOUR_MS
    return np.asarray(WEEK_CURVE[hour])
