"""Progress for people: one line a step, with the seconds since the command started."""

import time
from collections.abc import Callable

import click


class Progress:
    """Prints what happens, when it happens; quiet only keeps the warnings."""

    def __init__(self, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet = quiet
        self._clock = clock
        self._started = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the command started."""
        return self._clock() - self._started

    def step(self, text: str) -> None:
        """Announce a step before it begins."""
        if not self._quiet:
            click.echo(f"{self.elapsed:4.0f} s  {click.style(text, bold=True)}")

    def detail(self, text: str) -> None:
        """Print a line that belongs to the current step."""
        if not self._quiet:
            click.echo(f"        {text}")

    def warn(self, text: str) -> None:
        """Print a sentence that the user should read although nothing has failed."""
        click.echo(f"{self.elapsed:4.0f} s  {click.style(text, fg='yellow')}", err=True)
