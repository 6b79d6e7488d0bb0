"""The command `music-platform`: what `make up`, `make status` and the others call."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from music_platform import (
    artifacts,
    instance,
    links,
    logs,
    running,
    settings,
    starting,
    status,
    stopping,
)
from music_platform.errors import PlatformError
from music_platform.instance import Instance
from music_platform.progress import Progress

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

Command = Callable[..., Any]


def with_settings(command: Command) -> Command:
    """Give a command the words NAME=value that every command understands."""
    return click.argument("words", nargs=-1, metavar="[SETTING=VALUE]...")(command)


def selected(words: tuple[str, ...]) -> tuple[Instance, dict[str, settings.Value | None]]:
    """Return the instance that the settings name, and the settings."""
    given = settings.given(words)
    return instance.select(instance.find_checkout(Path.cwd()), given), given


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")  # read in main, for all
def commands(debug: bool) -> None:
    """Start, watch and stop the music analytics platform.

    Every command takes settings as words, such as NAME=second PORT_OFFSET=100; `up` keeps them for the next
    time.
    """


@commands.command()
@with_settings
def up(words: tuple[str, ...]) -> None:
    """Start the platform, or bring a running one to the given settings."""
    starting.up(*selected(words), Progress())


@commands.command()
@with_settings
def down(words: tuple[str, ...]) -> None:
    """Stop every process and keep the data."""
    stopping.down(selected(words)[0], Progress())


@commands.command()
@with_settings
def destroy(words: tuple[str, ...]) -> None:
    """Stop every process and remove the data; asks first unless FORCE=1."""
    chosen, given = selected(words)
    stopping.destroy(chosen, Progress(), ask=not given.get("FORCE"))


@commands.command(name="status")
@with_settings
def show_status(words: tuple[str, ...]) -> None:
    """Say what runs, since when, with how much memory, and how far behind the stream is."""
    sys.exit(0 if status.show(selected(words)[0]) else EXIT_FAILED)


@commands.command()
@with_settings
def smoke(words: tuple[str, ...]) -> None:
    """Prove that the running platform does what it promises."""
    chosen, given = selected(words)
    running.require(chosen)
    pytest = [sys.executable, "-m", "pytest", "-q", "tests/smoke"]
    environment = {**os.environ, settings.ENVIRONMENT_VARIABLE: settings.as_words(given)}
    sys.exit(subprocess.run(pytest, cwd=chosen.checkout, env=environment).returncode)


@commands.command(name="logs")
@click.option("--component", "-c", help="Only the log of this component, for example kafka.")
@click.option("--lines", "-n", default=20, show_default=True, help="How many lines of each log.")
@click.option("--follow", "-f", is_flag=True, help="Go on printing until Ctrl-C.")
@with_settings
def show_logs(words: tuple[str, ...], component: str | None, lines: int, follow: bool) -> None:
    """Print the ends of the components' logs."""
    logs.show(selected(words)[0], component=component, lines=lines, follow=follow)


@commands.command(name="open")
@with_settings
def open_links(words: tuple[str, ...]) -> None:
    """Open the platform's pages in a browser."""
    links.open_pages(selected(words)[0])


@commands.command(name="preflight")
@with_settings
def check_machine(words: tuple[str, ...]) -> None:
    """Say whether this machine can run the platform, and what is missing."""
    chosen, given = selected(words)
    progress = Progress()
    progress.step("Checking this machine")
    starting.check_machine(chosen, given, progress)


@commands.command(name="artifacts")
def build_artifacts() -> None:
    """Build all that is shipped to a target into build/artifacts."""
    artifacts.build(instance.find_checkout(Path.cwd()), Progress())


@commands.command()
@click.argument("name", required=False)
@with_settings
def output(words: tuple[str, ...], name: str | None) -> None:
    """Print the outputs of Terraform as JSON, or one of them as text.

    Passwords are among them: this is the one command that prints them.
    """
    if name is not None and "=" in name:
        words, name = (name, *words), None
    values = running.outputs(selected(words)[0])
    if name is None:
        click.echo(json.dumps(values, indent=2, sort_keys=True))
    elif name in values:
        click.echo(values[name])
    else:
        raise PlatformError(f"There is no output called {name}. There are: {', '.join(sorted(values))}.")


def main() -> NoReturn:
    """Run the command line; an error is a sentence on standard error and a non-zero exit."""
    signal.signal(signal.SIGTERM, _interrupt)
    debug = "--debug" in sys.argv
    try:
        commands([word for word in sys.argv[1:] if word != "--debug"], standalone_mode=False)
    except (PlatformError, click.ClickException, OSError) as error:
        if debug:
            raise
        click.echo(_sentence(error), err=True)
        sys.exit(error.exit_code if isinstance(error, click.UsageError) else EXIT_FAILED)
    except (KeyboardInterrupt, click.Abort):
        click.echo(
            "\nInterrupted. What was started goes on: `make up` continues, `make down` stops it.",
            err=True,
        )
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"This is a fault of the command line itself ({type(error).__name__}: {error}). "
            "With --debug it shows where; please report it.",
            err=True,
        )
        sys.exit(EXIT_FAILED)
    sys.exit(0)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _sentence(error: Exception) -> str:
    if isinstance(error, click.UsageError):
        return f"{error.format_message()} See `music-platform --help`."
    if isinstance(error, OSError):
        return f"{error.filename or 'The system'}: {error.strerror or error}."
    return str(error)
