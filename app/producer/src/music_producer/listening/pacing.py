"""The clock of simulated time: how far it may have come at a moment of real time."""

from __future__ import annotations

import math


class Clock:
    """Simulated time begins at a start and runs at a speed until it meets the present, which it never
    passes.
    """

    def __init__(self, start_ms: int, speed: float, began: float) -> None:
        """Begin at `began` (seconds of a monotonic clock); `speed` is simulated seconds a second, perhaps
        inf.
        """
        self._start_ms = start_ms
        self._speed = speed
        self._began = began

    def reached_ms(self, now: float, wall_ms: int) -> int:
        """Return the simulated moment that is due.

        Args:
            now: seconds of the monotonic clock.
            wall_ms: the present, milliseconds since 1970 (UTC).
        """
        if math.isinf(self._speed):
            return wall_ms
        return min(wall_ms, self._start_ms + int((now - self._began) * self._speed * 1000))


class Stride:
    """Chooses steps of simulated time that hold about as many events as can be handled well at once."""

    def __init__(self, rate: float, events: int) -> None:
        """Aim at `events` a step, when `rate` events a second are expected."""
        self._events = events
        self._most_ms = max(1, int(10_000 * events / rate))
        self.step_ms = max(1, int(1_000 * events / rate))

    def note(self, step_ms: int, events: int) -> None:
        """Learn from a step of this length, which brought so many events."""
        wanted = step_ms * self._events / max(events, 1)
        # Not at once: one quiet step must not make the next one huge.
        self.step_ms = int(min(max(wanted, self.step_ms / 2, 1), self.step_ms * 2, self._most_ms))
