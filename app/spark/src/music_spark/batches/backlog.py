"""Whether the stream is behind, so that what only follows it can let it pass: rollups and audit share its
cores.
"""

from __future__ import annotations

import time

_STILL_S = 5.0
"""So long after the commit of a large batch another one may follow it."""


class Backlog:
    """Told by the batches: a large one means that records had waited. Read by other threads."""

    def __init__(self, large: int) -> None:
        """Batches of `large` records or more are those of a backlog."""
        self._large = large
        self._state: tuple[bool, float | None] = (False, None)
        """Whether the last batch was a large one, and when its commit ended, if it has."""

    def taken(self, records: int) -> None:
        """Note that a batch was taken over."""
        self._state = records >= self._large, None

    def ended(self) -> None:
        """Note that it was committed, or given up."""
        self._state = self._state[0], time.monotonic()

    @property
    def is_behind(self) -> bool:
        """Whether a large batch is under way, or was the last one just now."""
        was_large, since = self._state
        return was_large and (since is None or time.monotonic() - since < _STILL_S)
