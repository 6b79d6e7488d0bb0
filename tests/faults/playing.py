"""The platform's own producer as a process: with every fault of a real stream, and to be killed."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from music_contract import times

from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

FAULTS = ("--late", "0.1", "--duplicates", "0.1", "--out-of-order", "0.1", "--malformed", "0.05")
"""Shares of events that come hours late, twice, out of order, or broken."""

_BACKLOG_RATE = 5_000


def _command(platform: SecondPlatform, *options: str) -> list[str]:
    return [
        *(str(Path(sys.executable).parent / "music-producer"), "run", *options),
        *("--bootstrap-servers", platform.kafka_bootstrap_servers),
        *("--registry-url", platform.schema_registry_url),
    ]


class PlaybackProducer:
    """Live playbacks with faults among them, until it is stopped."""

    def __init__(self, platform: SecondPlatform, rate: int, seed: int) -> None:
        options = ("--rate", str(rate), "--users", "1000", "--songs", "500", "--seed", str(seed))
        self._command = _command(platform, *options, *FAULTS)
        self._log = platform.home / "playbacks.log"
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("wb") as log:
            return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=log)

    def kill(self) -> int:
        """Kill -9, and start another, as a supervisor would; the former process id."""
        pid = self._process.pid
        self._process.kill()
        self._process.wait()
        self._process = self._start()
        return pid

    def stop(self) -> None:
        """Let it send what it has, and end."""
        # One that was started a moment ago does not take the signal as asking yet: it would just die of it.
        wait_until(self._log.read_bytes, 60, "the producer says what it begins with")
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout=180)
        assert code == 0, f"the producer ended with {code} and said:\n{self._log.read_text()[-4000:]}"


def produce(platform: SecondPlatform, count: int) -> None:
    """That many events of the last minutes, as fast as can be."""
    start = datetime.now(UTC) - timedelta(seconds=count / _BACKLOG_RATE)
    options = ("--start", times.to_text(int(start.timestamp() * 1000)), "--events", str(count))
    world = ("--rate", str(_BACKLOG_RATE), "--users", "20000", "--songs", "5000", "--seed", "3")
    subprocess.run(_command(platform, *options, *world), check=True, stdout=subprocess.DEVNULL)
