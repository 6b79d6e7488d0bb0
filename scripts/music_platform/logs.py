"""The logs of the components: their ends, and what is added."""

import time
from collections import deque
from pathlib import Path

import click

from music_platform.errors import PlatformError
from music_platform.instance import Instance

FOLLOW_PAUSE_S = 0.5


def files(instance: Instance, component: str | None = None) -> list[Path]:
    """Return the log files of the instance, or those whose name begins with the component."""
    found = sorted(instance.log_directory.glob("*.log"))
    if not found:
        raise PlatformError(f"There are no logs in {instance.log_directory}: was the platform started?")
    if component is None:
        return found
    wanted = component.replace("-", "_")
    chosen = [file for file in found if file.stem.replace("-", "_").startswith(wanted)]
    if not chosen:
        names = ", ".join(file.stem for file in found)
        raise PlatformError(f"There is no log of {component}. There are: {names}.")
    return chosen


def last_lines(file: Path, count: int) -> list[str]:
    """Return the last lines of a file."""
    with file.open(encoding="utf-8", errors="replace") as text:
        return [line.rstrip("\n") for line in deque(text, maxlen=count)]


def show(instance: Instance, *, component: str | None, lines: int, follow: bool) -> None:
    """Print the ends of the logs; with `follow`, go on until Ctrl-C."""
    chosen = files(instance, component)
    for file in chosen:
        click.echo(click.style(f"== {file}", bold=True))
        for line in last_lines(file, lines):
            click.echo(line)
    if follow:
        _follow(chosen)


def _follow(chosen: list[Path]) -> None:
    ends = {file: file.stat().st_size for file in chosen}
    while True:
        for file, end in ends.items():
            size = file.stat().st_size
            if size < end:  # rotated: what is there now is all new
                end = 0
            if size > end:
                with file.open("rb") as stream:
                    stream.seek(end)
                    added = stream.read(size - end).decode("utf-8", "replace")
                for line in added.splitlines():
                    click.echo(f"{file.stem} | {line}")
            ends[file] = size
        time.sleep(FOLLOW_PAUSE_S)
