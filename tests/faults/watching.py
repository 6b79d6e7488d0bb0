"""The memory of a platform's programs, looked at while something goes on."""

import threading
from types import TracebackType

from tests.faults.killing import resident
from tests.second_platform import SecondPlatform

_EVERY_S = 1.0
MEBIBYTE = 2**20


class Memory:
    """The most that each program with its children had resident between entry and exit."""

    def __init__(self, platform: SecondPlatform) -> None:
        self._platform = platform
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most: dict[str, int] = {}

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        told = ", ".join(f"{name} {size / MEBIBYTE:,.0f} MiB" for name, size in sorted(self.most.items()))
        print(f"most memory: {told}")

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            for name, size in resident(self._platform).items():
                self.most[name] = max(size, self.most.get(name, 0))

    def check(self) -> None:
        """The driver (Python and its JVM) and the worker with its executor have stayed within bounds.

        A heap of 1 GiB each, what a JVM needs beside its heap, and the Arrow tables of a batch in Python: on
        the driver once, beside the executor in a process for each of its two tasks.
        """
        assert self.most["spark_job"] < 3_500 * MEBIBYTE
        assert self.most["spark_worker"] < 3_000 * MEBIBYTE
