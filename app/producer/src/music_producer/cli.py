"""The command ``music-producer``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence

from music_producer.settings import SettingsError, add_options, read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Exit code 0 when every record was acknowledged, 1 when not, 2 for a wrong call or setting.
    """
    parser = argparse.ArgumentParser(prog="music-producer", description="Produces music playbacks to Kafka.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="run")
    run_parser = commands.add_parser(
        "run",
        help="publish the listeners and the catalogue, then playbacks at a steady rate",
        description="Publishes the listeners and the catalogue, then playbacks at a steady rate. SIGTERM or "
        "Ctrl-C ends it once Kafka has acknowledged every record; a second one ends it at once.",
    )
    add_options(run_parser)
    options = vars(parser.parse_args(arguments))
    try:
        settings = read_settings(options)
    except SettingsError as error:
        print(f"music-producer: {error}", file=sys.stderr)
        return 2
    _log_to_stderr()

    # Imported late: a wrong setting is told at once, not after a second of loading libraries.
    from music_producer.delivery import RecordRefusedError
    from music_producer.run import run
    from music_producer.stopping import Stop

    stop = Stop()
    stop.listen_to_signals()
    try:
        return 0 if run(settings, stop) else 1
    except RecordRefusedError as error:
        print(f"music-producer: Kafka refuses a record: {error}", file=sys.stderr)
    except OSError as error:
        print(f"music-producer: the report cannot be written: {error}", file=sys.stderr)
    return 1


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)sZ %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )
    logging.Formatter.converter = time.gmtime
    # The registry's HTTP library logs every request.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
