"""SIGTERM and SIGINT: the first asks to finish, the second to give up what is not yet delivered."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Stop:
    """Whether the process was asked to end."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._insisted = False

    @property
    def asked(self) -> bool:
        """Whether to make no more events, deliver what there is, and end."""
        return self._asked.is_set()

    @property
    def insisted(self) -> bool:
        """Whether to end at once."""
        return self._insisted

    def ask(self) -> None:
        """Ask to end; asked again, insist."""
        self._insisted = self._asked.is_set()
        self._asked.set()

    def wait(self, seconds: float) -> None:
        """Sleep until asked, at most so long."""
        self._asked.wait(seconds)

    def listen_to_signals(self) -> None:
        """Take SIGTERM and SIGINT as asking; only from the main thread."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.ask()
