"""Waiting for a server that is still starting."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0


class RefusalError(Exception):
    """What was asked cannot or must not be done; the text is a sentence for the person who asked."""


def wait_for(what: str, ask: Callable[[], Answer], limit_seconds: float) -> Answer:
    """Ask until an answer comes, with growing pauses and a line on stderr for each new reason.

    RefusalError when `limit_seconds` have passed. `ask` may raise anything: which errors mean "not yet" is
    nowhere promised by the clients.
    """
    deadline = time.monotonic() + limit_seconds
    pause = _FIRST_PAUSE_SECONDS
    told = ""
    while True:
        try:
            return ask()
        except Exception as error:
            reason = str(error) or type(error).__name__
        left = deadline - time.monotonic()
        if left <= 0:
            raise RefusalError(f"{what} was not ready within {limit_seconds:g} s: {reason}.")
        if reason != told:
            print(f"waiting for {what}: {reason}", file=sys.stderr, flush=True)
            told = reason
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
