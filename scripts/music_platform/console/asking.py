"""Asks before what cannot be taken back."""

import click


def agrees(question: str) -> bool:
    """Ask, and return whether somebody said yes; nobody to answer, or Ctrl-C, is a no."""
    try:
        return click.confirm(question, default=False)
    except click.Abort:
        click.echo()
        return False
