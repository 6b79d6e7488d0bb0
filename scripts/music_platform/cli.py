"""The command `music-platform`: what `make up`, `make status` and the others call."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from music_platform.artifacts import building
from music_platform.commands import (
    backing_up,
    dashboards,
    importing,
    links,
    replaying,
    starting,
    status,
    stopping,
    validation,
)
from music_platform.commands.replaying import Selection
from music_platform.console.progress import Progress
from music_platform.deployment import instance, running, settings
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

Command = Callable[..., Any]

UTC_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])


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
    """Stop every server and keep the data."""
    stopping.down(selected(words)[0], Progress())


@commands.command()
@with_settings
def destroy(words: tuple[str, ...]) -> None:
    """Stop every server and remove the data; asks first unless FORCE=1."""
    chosen, given = selected(words)
    stopping.destroy(chosen, Progress(), ask=not given.get("FORCE"))


@commands.command(name="rotate-certificates")
@with_settings
def rotate_certificates(words: tuple[str, ...]) -> None:
    """Issue a new certificate for every server, and start each with it; the stream pauses meanwhile."""
    chosen, given = selected(words)
    running.require(chosen)
    former = settings.kept(chosen.settings_file).get("certificates", 1)
    starting.up(chosen, {**given, "CERTIFICATES": int(former) + 1}, Progress())


@commands.command()
@with_settings
def backup(words: tuple[str, ...]) -> None:
    """Write all that PostgreSQL holds to a file; it is stopped meanwhile, and the stream waits."""
    backing_up.backup(selected(words)[0], Progress())


@commands.command()
@with_settings
def restore(words: tuple[str, ...]) -> None:
    """Put a backup in the place of what PostgreSQL holds: FILE=…; asks first unless FORCE=1."""
    chosen, given = selected(words)
    if not given.get("FILE"):
        raise PlatformError("Say which backup to restore: make restore FILE=….tar.gz")
    backing_up.restore(chosen, Path(str(given["FILE"])), Progress(), ask=not given.get("FORCE"))


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


@commands.command(name="import")
@with_settings
def import_history(words: tuple[str, ...]) -> None:
    """Bring a listener's own history in: FILE=my_spotify_data.zip.

    USER_NAME, COUNTRY, TIME_ZONE and SUBSCRIPTION say what the export does not; docs/import.md tells more.
    """
    importing.run(*selected(words), Progress())


@commands.command(name="replay-dlq")
@click.option("--reason", multiple=True, help="Only dead letters of this reason; may be repeated.")
@click.option("--topic", multiple=True, help="Only dead letters of this topic; may be repeated.")
@click.option("--since", type=UTC_TIME, help="Only those recorded at this time (UTC) or later.")
@click.option("--until", type=UTC_TIME, help="Only those recorded before this time (UTC).")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many, the oldest first.")
@click.option(
    "--attempts",
    type=click.IntRange(min=1),
    default=replaying.MOST_ATTEMPTS,
    show_default=True,
    help="Leave alone what was replayed so often and came back each time.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@with_settings
def replay_dead_letters(
    words: tuple[str, ...],
    reason: tuple[str, ...],
    topic: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    attempts: int,
    dry_run: bool,
) -> None:
    """Send dead letters to their topics again, after what was against them is mended."""
    values = running.outputs(selected(words)[0])
    selection = Selection(
        reasons=reason,
        topics=topic,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        most=limit,
        most_attempts=attempts,
    )
    replaying.run(values["postgres_dsn"], values["kafka_client"], selection, dry_run=dry_run)


@commands.command()
@click.option(
    "--timeout", default=validation.STATEMENT_TIMEOUT_S, show_default=True, help="Seconds a check may take."
)
@with_settings
def validate(words: tuple[str, ...], timeout: int) -> None:
    """Look for violations of the warehouse's integrity, and fail when there are any.

    The warehouse is that of the running platform, or the one that the environment variable MUSIC_POSTGRES_DSN
    names, with a role that may read all of it.
    """
    chosen, _ = selected(words)
    dsn = os.environ.get("MUSIC_POSTGRES_DSN") or str(running.outputs(chosen)["postgres_dsn"])
    wanted = validation.checks(chosen.checkout)
    good = validation.report(validation.run(dsn, wanted, timeout), len(wanted))
    sys.exit(0 if good else EXIT_FAILED)


@commands.command(name="logs")
@click.option("--component", "-c", help="Only the log of this component, for example kafka.")
@click.option("--lines", "-n", default=20, show_default=True, help="How many lines of each log.")
@click.option("--follow", "-f", is_flag=True, help="Go on printing until Ctrl-C.")
@with_settings
def show_logs(words: tuple[str, ...], component: str | None, lines: int, follow: bool) -> None:
    """Print the ends of the components' logs."""
    hosting.of(selected(words)[0]).show_logs(component, lines, follow=follow)


@commands.command(name="open")
@with_settings
def open_links(words: tuple[str, ...]) -> None:
    """Open the platform's pages in a browser."""
    links.open_pages(selected(words)[0])


@commands.command(name="superset-import")
@with_settings
def import_dashboards(words: tuple[str, ...]) -> None:
    """Bring Superset to the files of superset/, and check every chart."""
    sys.exit(dashboards.load(selected(words)[0], "import"))


@commands.command(name="superset-export")
@with_settings
def export_dashboards(words: tuple[str, ...]) -> None:
    """Write what was changed in Superset's pages back to the files of superset/."""
    sys.exit(dashboards.load(selected(words)[0], "export"))


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
    building.build(instance.find_checkout(Path.cwd()), Progress())


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
