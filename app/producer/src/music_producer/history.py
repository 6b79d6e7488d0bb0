"""The past that a new platform begins with: virtual moments, and how many events each brings."""

from __future__ import annotations

import math
from collections.abc import Iterator


def moments(now_ms: int, seconds: float, rate: float) -> Iterator[tuple[int, int]]:
    """Yield (moment, events up to it) for each second from `seconds` before `now_ms` until now, oldest first.

    Args:
        now_ms: the present, milliseconds since 1970 (UTC).
        seconds: how far back the past reaches.
        rate: events a second; below one, most moments bring none and are left out.
    """
    owed = 0.0
    for second in range(math.floor(seconds), 0, -1):
        owed += rate
        count = math.floor(owed)
        if count:
            owed -= count
            yield now_ms - second * 1000, count
