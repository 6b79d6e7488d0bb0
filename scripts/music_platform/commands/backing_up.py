"""`make backup` and `make restore`: the whole of PostgreSQL in one file.

The server is stopped while its files are copied, so the copy needs nothing else to be whole. The stream waits
meanwhile, and reads from Kafka what it has not stored.
"""

import tarfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

from music_platform.console.asking import agrees
from music_platform.console.progress import Progress
from music_platform.console.waiting import wait_for
from music_platform.deployment import running, warehouse
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting

SERVER = "postgres"
# What goes by the contents of the database: it must not see one that has changed under it.
READERS = ("spark_job", "schema_registry", "superset")
ANSWER_LIMIT_S = 120


def backup(instance: Instance, progress: Progress) -> Path:
    """Write a backup; return where it is."""
    running.require(instance)
    host = hosting.of(instance)
    file = instance.home / "backups" / f"{instance.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    unfinished = file.with_suffix(".part")
    with instance.lock("make backup"):
        file.parent.mkdir(parents=True, exist_ok=True)
        progress.step("Stopping PostgreSQL")
        host.stop(SERVER)
        try:
            progress.step("Copying its files")
            host.pack(SERVER, unfinished)
            unfinished.chmod(0o600)
            unfinished.rename(file)
        finally:
            unfinished.unlink(missing_ok=True)
            progress.step("Starting PostgreSQL again")
            host.start(SERVER)
        _wait_for_answer(instance, progress)
    progress.step(f"{file} has {file.stat().st_size / 2**20:,.0f} MiB.")
    progress.detail(f"`make restore FILE={file}` brings it back.")
    return file


def restore(instance: Instance, file: Path, progress: Progress, *, ask: bool) -> None:
    """Put a backup in the place of what PostgreSQL has; ask before, when told to."""
    running.require(instance)
    question = f"Replace all that PostgreSQL of '{instance.name}' holds by what {file.name} holds?"
    if ask and not agrees(question):
        raise PlatformError("Nothing was changed. `make restore FORCE=1 FILE=…` does not ask.")
    host = hosting.of(instance)
    _require_backup(file)
    there = [program.name for program in host.programs()]
    readers = [name for name in READERS if name in there]
    with instance.lock("make restore"):
        progress.step("Stopping PostgreSQL and its clients")
        for name in (*readers, SERVER):
            host.stop(name)
        try:
            progress.step(f"Putting the files of {file.name} in the place of what is there")
            host.unpack(SERVER, file)
        finally:
            progress.step("Starting PostgreSQL and its clients again")
            host.start(SERVER)
            _wait_for_answer(instance, progress)
            for name in readers:
                host.start(name)
    progress.step("Restored. The stream goes on from there: `make status` shows how far it is.")


def _require_backup(file: Path) -> None:
    """Read all of the file before anything is stopped: a damaged one is refused."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            names = set(archive.getnames())
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise PlatformError(f"{file} is no backup, or it is damaged ({error}).") from error
    if "cluster/PG_VERSION" not in names:
        raise PlatformError(f"{file} is no backup: it has no cluster of PostgreSQL.")


def _wait_for_answer(instance: Instance, progress: Progress) -> None:
    dsn = str(running.outputs(instance)["postgres_readonly_dsn"])

    def look() -> str:
        try:
            with warehouse.connect(dsn):
                return ""
        except PlatformError as problem:
            return str(problem)

    problem = wait_for(
        look,
        lambda problem: not problem,
        limit_s=ANSWER_LIMIT_S,
        progress=progress,
        describe=lambda problem: problem or "PostgreSQL answers",
    )
    if problem:
        raise PlatformError(f"PostgreSQL does not answer after {ANSWER_LIMIT_S} s. {problem}")
