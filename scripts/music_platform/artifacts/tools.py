"""Runs the programs that fetch and build artifacts: quiet when they work, clear when they do not."""

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from music_platform.console.progress import Progress
from music_platform.errors import PlatformError

# How often a long command says how far it is.
REPORT_EVERY_SECONDS = 5.0


def run(
    command: Sequence[str | Path],
    progress: Progress,
    *,
    directory: Path,
    environment: Mapping[str, str] | None = None,
    counting: str | None = None,
    noun: str = "steps",
) -> None:
    """Run a command to its end; raise a PlatformError with the end of its output when it fails.

    While it runs, the lines that match the pattern `counting` are counted and reported as so many `noun`.
    """
    started = last_report = time.monotonic()
    lines: list[str] = []
    count = 0
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=directory,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if counting is None or not re.search(counting, line):
                continue
            count += 1
            now = time.monotonic()
            if now - last_report >= REPORT_EVERY_SECONDS:
                last_report = now
                progress.detail(f"{count} {noun} after {now - started:.0f} s")
    if process.returncode:
        end = "\n".join(f"  {line}" for line in lines[-15:])
        raise PlatformError(f"`{Path(command[0]).name}` failed with exit code {process.returncode}:\n{end}")
