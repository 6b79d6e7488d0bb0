"""How long a stream stands still while something is done to its platform."""

import threading
import time
from types import TracebackType

import psycopg2

from tests.docker import promises
from tests.second_platform import SecondPlatform

_EVERY_S = 0.5


class Pauses:
    """The longest time without a change in the number of facts between entry and exit."""

    def __init__(self, platform: SecondPlatform) -> None:
        self._platform = platform
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.longest_s = 0.0

    def __enter__(self) -> "Pauses":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        last, changed = -1, time.monotonic()
        while True:
            try:
                now = promises.stored(self._platform)
            except psycopg2.OperationalError:
                now = last  # PostgreSQL is away: nothing is stored
            moment = time.monotonic()
            self.longest_s = max(self.longest_s, moment - changed)
            if now != last:
                last, changed = now, moment
            if self._ended.wait(_EVERY_S):
                return
