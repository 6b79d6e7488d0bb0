"""Rows as aligned text."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


def rows(header: Sequence[str], body: Iterable[Sequence[object]], indent: str = "  ") -> list[str]:
    """Return a header and rows as lines; numbers stand at the right, everything else at the left."""
    content = [list(row) for row in body]
    texts = [list(header), *([cell(value) for value in row] for row in content)]
    widths = [max(width_of(row[column]) for row in texts) for column in range(len(header))]
    numeric = [
        bool(content) and all(isinstance(row[column], int | float) or row[column] is None for row in content)
        for column in range(len(header))
    ]
    return [(indent + "  ".join(map(_padded, row, widths, numeric))).rstrip() for row in texts]


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: East Asian characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _padded(text: str, width: int, at_the_right: bool) -> str:
    space = " " * (width - width_of(text))
    return space + text if at_the_right else text + space


def cell(value: object) -> str:
    """Return a value as people read it: times in UTC to the second, numbers grouped, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def duration(seconds: float) -> str:
    """Return a span as people say it: 42 s, 3 min, 2 h 5 min, 4 d 1 h."""
    if seconds < 60:
        return f"{max(0, round(seconds))} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
