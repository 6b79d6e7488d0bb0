"""Waiting for a condition, with a limit and a word on what is being waited for."""

import time
from collections.abc import Callable
from typing import TypeVar

from music_platform.console.progress import Progress

PAUSE_S = 0.5
FIRST_REPORT_S = 2.0
REPORT_EVERY_S = 10.0

Seen = TypeVar("Seen")


def wait_for(
    look: Callable[[], Seen],
    done: Callable[[Seen], bool],
    *,
    limit_s: float,
    progress: Progress,
    describe: Callable[[Seen], str],
) -> Seen:
    """Look again and again until `done` says yes or the limit has passed; return what was seen last.

    The caller decides what a last look that is not done means.
    """
    deadline = time.monotonic() + limit_s
    next_report = time.monotonic() + FIRST_REPORT_S
    while True:
        seen = look()
        if done(seen) or time.monotonic() >= deadline:
            return seen
        if time.monotonic() >= next_report:
            progress.detail(describe(seen))
            next_report = time.monotonic() + REPORT_EVERY_S
        time.sleep(PAUSE_S)
