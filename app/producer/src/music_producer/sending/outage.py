"""Notices when Kafka stops acknowledging and when it is back: one log line each."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

STALL_SECONDS = 5.0
"""So long may records wait without any acknowledgement before that is called an outage."""


class OutageWatch:
    """Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        """Length of all past outages."""
        self._since: float | None = None
        self._quiet_since: float | None = None

    def acknowledged(self, now: float) -> None:
        """Note that a record was acknowledged."""
        self._quiet_since = None
        if self._since is not None:
            self.seconds += now - self._since
            _log.warning("Kafka acknowledges again after %.1f s", now - self._since)
            self._since = None

    def failed(self, now: float, reason: str) -> None:
        """Note that Kafka cannot be reached, or refuses for now."""
        if self._since is None:
            self._since = now
            self.count += 1
            _log.warning("Kafka does not acknowledge, trying again without end: %s", reason)

    def look(self, now: float, waiting: int) -> None:
        """Note how many records wait; a standstill counts as an outage too."""
        if waiting == 0:
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        elif now - self._quiet_since > STALL_SECONDS:
            self.failed(now, f"{waiting} records wait, none acknowledged for {STALL_SECONDS:g} s")
