"""Brings the database to the newest version of its schema: migrate.py DIRECTORY.

The directory is `sql` of the checkout: its migrations are applied once, in order; then the views and
functions of its rollups and queries are made, or replaced when their files have changed.

Reads where the database is from the settings of postgres.sh and connects as the owner of the schemas. Waits
for a server that is starting. Two migrations at the same time are kept apart by yoyo's lock.
"""

import os
import sys
import time
from pathlib import Path
from urllib.parse import quote

import objects
import psycopg2
import yoyo

# How long a starting server may take (recovery after a crash reads up to max_wal_size again).
WAIT_SECONDS = 120.0


def wait_for_server(address: str, seconds: float) -> None:
    """Return when the server takes a connection; raise a SystemExit when it does not in time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg2.connect(address, connect_timeout=5).close()
        except psycopg2.OperationalError as error:
            refused = "password authentication failed" in str(error)
            if refused or time.monotonic() > deadline:
                raise SystemExit(f"postgres: migrations cannot connect: {str(error).strip()}") from None
            time.sleep(0.5)
        else:
            return


def migrate(address: str, directory: Path) -> list[str]:
    """Apply, in order, what has not been applied yet; return the names."""
    migrations = yoyo.read_migrations(str(directory))
    with yoyo.get_backend(address) as backend, backend.lock():
        pending = backend.to_apply(migrations)
        backend.apply_migrations(pending)
    return [migration.id for migration in pending]


def main(directory: Path) -> None:
    """Migrate, and say what was done."""
    setting = os.environ
    address = (
        f"postgresql://music_owner:{quote(setting['MUSIC_POSTGRES_OWNER_PASSWORD'], safe='')}"
        f"@{setting['MUSIC_POSTGRES_HOST']}:{setting['MUSIC_POSTGRES_PORT']}"
        f"/{setting['MUSIC_POSTGRES_DATABASE']}"
    )
    wait_for_server(address, WAIT_SECONDS)
    applied = migrate(address, directory / "migrations") + objects.deploy(address, directory)
    print("postgres: " + (f"applied {', '.join(applied)}" if applied else "the schema is up to date"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
