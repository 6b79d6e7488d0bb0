"""Waiting for a condition with a limit: the only place of the tests where anything pauses."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

PAUSE_S = 0.2


def wait_until(condition: Callable[[], Seen], limit_s: float, what: str) -> Seen:
    """Return the first true value of `condition`; fail with `what` and the last value after the limit."""
    deadline = time.monotonic() + limit_s
    while True:
        seen = condition()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what} did not happen within {limit_s:g} s; last seen: {seen!r}")
        time.sleep(PAUSE_S)
