"""The command ``music-producer``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from music_producer.importing.settings import ImportSettings
from music_producer.sending.stopping import Stop
from music_producer.settings import Settings, SettingsError, add_options, read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Exit code 0 when every record was acknowledged, 1 when not, 2 for a wrong call or setting.
    """
    parser = argparse.ArgumentParser(prog="music-producer", description="Produces music playbacks to Kafka.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{run,import}")
    run_parser = commands.add_parser(
        "run",
        help="simulate listeners: publish them and the catalogue, then their playbacks",
        description="Simulates listeners: publishes them and the catalogue, then what they play and what "
        "changes. Simulated time runs with the present, or from --start on as fast as can be (a backfill) "
        "or at --speed (accelerated). SIGTERM or Ctrl-C ends it once Kafka has acknowledged every record; "
        "a second one ends it at once.",
    )
    add_options(run_parser, Settings)
    import_parser = commands.add_parser(
        "import",
        help="publish a listener's own history from the export of a service",
        description="Publishes a listener's own history: Spotify's extended history or account data, "
        "scrobbles of Last.fm (CSV), ListenBrainz's export; each as a file, a folder or the zip as it comes. "
        "Ended at any point, the same command goes on; repeated, it changes nothing. Exit code 0 when every "
        "listen is in Kafka, 1 when not, 2 for a wrong call or a file that is no history.",
    )
    import_parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="the export")
    add_options(import_parser, ImportSettings)
    options = vars(parser.parse_args(arguments))
    command: Callable[[Stop], int]
    try:
        if options["command"] == "run":
            command = partial(_run, read_settings(options, Settings))
        else:
            command = partial(_import, options["files"], read_settings(options, ImportSettings))
    except SettingsError as error:
        print(f"music-producer: {error}", file=sys.stderr)
        return 2
    _log_to_stderr()
    stop = Stop()
    stop.listen_to_signals()
    return _with_errors_told(command, stop)


# What follows is imported late: a wrong setting is told at once, not after a second of loading libraries.


def _run(settings: Settings, stop: Stop) -> int:
    from music_producer.run import run

    return 0 if run(settings, stop) else 1


def _import(files: Sequence[Path], settings: ImportSettings, stop: Stop) -> int:
    from music_producer.importing.files import RefusedError
    from music_producer.importing.run import run

    try:
        return run(files, settings, stop)
    except RefusedError as error:
        print(f"music-producer: {error}", file=sys.stderr)
        return 2


def _with_errors_told(command: Callable[[Stop], int], stop: Stop) -> int:
    from music_producer.sending.delivery import RecordRefusedError
    from music_producer.sending.registry import NoOlderSchemaError

    try:
        return command(stop)
    except RecordRefusedError as error:
        print(f"music-producer: Kafka refuses a record: {error}", file=sys.stderr)
    except NoOlderSchemaError as error:
        print(f"music-producer: {error}", file=sys.stderr)
    except OSError as error:
        print(f"music-producer: the report or the ground truth cannot be written: {error}", file=sys.stderr)
    return 1


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)sZ %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )
    logging.Formatter.converter = time.gmtime
    # The registry's HTTP library logs every request.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
