"""`make import`: a listener's own history into a running platform."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from music_platform.console.progress import Progress
from music_platform.console.table import rows
from music_platform.console.waiting import wait_for
from music_platform.deployment import running, warehouse
from music_platform.deployment.instance import Instance
from music_platform.deployment.settings import Value
from music_platform.deployment.warehouse import Listening
from music_platform.errors import PlatformError

STORED_LIMIT_S = 600

# What the user writes behind make, and the producer's variable for it.
_VARIABLES = {
    "USER_NAME": "MUSIC_IMPORT_USER_NAME",
    "COUNTRY": "MUSIC_IMPORT_COUNTRY",
    "TIME_ZONE": "MUSIC_IMPORT_TIME_ZONE",
    "SUBSCRIPTION": "MUSIC_IMPORT_SUBSCRIPTION",
}


def run(instance: Instance, given: Mapping[str, Value | None], progress: Progress) -> None:
    """Send the history, wait until the stream has stored it, and show what there is of the listener."""
    if not given.get("FILE"):
        raise PlatformError(
            "Say which export to import: make import FILE=my_spotify_data.zip "
            "(docs/import.md says how to get one)."
        )
    outputs = running.outputs(instance)
    progress.step(f"Importing {given['FILE']}")
    user = _send(given, outputs)
    progress.step("Waiting until the stream has stored it")
    with warehouse.connect(outputs["postgres_readonly_dsn"]) as connection:
        sent_at = warehouse.now(connection)
        seen = wait_for(
            lambda: warehouse.listening(connection, user, sent_at),
            lambda seen: seen.is_caught_up,
            limit_s=STORED_LIMIT_S,
            progress=progress,
            describe=lambda seen: f"{seen.listens:,} listens stored, {seen.lag_records:,} records to read",
        )
        _show(user, seen, warehouse.favourites(connection, user), progress)


def _send(given: Mapping[str, Value | None], outputs: Mapping[str, Any]) -> str:
    """Run the producer's import; the listener's id, which it prints in the end."""
    environment = {
        **os.environ,
        **running.kafka_environment(outputs),
        "MUSIC_SCHEMA_REGISTRY_URL": str(outputs["schema_registry_url"]),
        **{variable: str(given[name]) for name, variable in _VARIABLES.items() if given.get(name)},
    }
    command = [str(Path(sys.executable).parent / "music-producer"), "import", str(given["FILE"])]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        told = ""
        # A Ctrl-C reaches it too: it delivers what is on its way and notes how far it is.
        with suppress(KeyboardInterrupt):
            told = sender.stdout.read()
        code = sender.wait()
    if code == 2:
        raise PlatformError("Nothing was imported.")
    if code == 3:
        raise PlatformError("All that could be read was sent; broken entries were skipped (see above).")
    if code or not told.strip():
        raise PlatformError("The import is not finished: the same command goes on where it was.")
    return told.strip()


def _show(user: str, seen: Listening, favourites: warehouse.Rows, progress: Progress) -> None:
    if not seen.is_caught_up:
        progress.warn("The stream is still at it: `make status` tells how far behind it is.")
    progress.step(f"{seen.listens:,} listens of {user} are stored. The most played artists:")
    for line in rows(favourites.columns, favourites.rows):
        click.echo(line)
