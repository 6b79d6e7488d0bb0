"""A steady rate by the wall clock: a token bucket."""

from __future__ import annotations

import math


class Pace:
    """Says how many events are due. After a standstill it catches up one second's worth, not more.

    Times are seconds of a monotonic clock. At an infinite rate any number is always due.
    """

    _CATCH_UP_SECONDS = 1.0

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = max(rate * self._CATCH_UP_SECONDS, 1.0)
        self._due = 0.0
        self._then = now

    def due(self, now: float, most: int) -> int:
        """Return how many events are due now, `most` at most."""
        if math.isinf(self._rate):
            return most
        self._due = min(self._due + (now - self._then) * self._rate, self._most)
        self._then = now
        return min(math.floor(self._due), most)

    def spend(self, count: int) -> None:
        """Note that `count` of the due events were made."""
        if not math.isinf(self._rate):
            self._due -= count

    def seconds_until_due(self) -> float:
        """Return how long it takes from the last look until one event is due."""
        return max(1.0 - self._due, 0.0) / self._rate
