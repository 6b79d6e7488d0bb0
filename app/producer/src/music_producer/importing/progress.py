"""Progress for whoever waits: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def bar(task: str, total: int, unit: str) -> Iterator[tqdm]:
    """Show how much of `total` is done; call `update` of what it gives."""
    terminal = sys.stderr.isatty()
    with tqdm(
        desc=task,
        total=total,
        unit=unit,
        unit_scale=True,
        file=sys.stderr,
        mininterval=0.2 if terminal else _SECONDS_BETWEEN_LINES,
        dynamic_ncols=terminal,
        bar_format=None if terminal else "{desc}: {n_fmt} of {total_fmt} {unit}, {rate_fmt}\n",
    ) as shown:
        yield shown
