"""Log files: their ends, and what is added."""

import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import click

FOLLOW_PAUSE_S = 0.5


def last_lines(file: Path, count: int) -> list[str]:
    """Return the last lines of a file."""
    with file.open(encoding="utf-8", errors="replace") as text:
        return [line.rstrip("\n") for line in deque(text, maxlen=count)]


def show(chosen: Sequence[Path], lines: int, *, follow: bool) -> None:
    """Print the ends of the files; with `follow`, go on until Ctrl-C."""
    for file in chosen:
        click.echo(click.style(f"== {file}", bold=True))
        for line in last_lines(file, lines):
            click.echo(line)
    if follow:
        _follow(chosen)


def _follow(chosen: Sequence[Path]) -> None:
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
