"""A database whose disk is full holds the stream up, with a sentence; with room again it goes on."""

import logging
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from music_spark.batches import batch

from tests import audit, database
from tests.database import Database
from tests.records import event_records, playback
from tests.stream import Stream
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

DISK_BYTES = 300 * 2**20
LEFT_BYTES = 3 * 2**20
SENT = 20_000


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small file system of its own."""
    place = tmp_path_factory.mktemp("disk")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0755", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    for directory in (place, *place.parents):
        # The database runs as an unprivileged user, who must get in.
        directory.chmod(directory.stat().st_mode | 0o011)
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def small_database(disk: Path) -> Iterator[Database]:
    with database.start(disk / "data") as started:
        yield started


def test_a_full_disk_holds_a_batch_back_and_loses_nothing(
    small_database: Database, disk: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(batch, "_LONGEST_PAUSE_S", 0.5)
    stream = Stream(small_database.dsn, stopping=threading.Event())
    stream.commit(event_records(playback(0)))
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - LEFT_BYTES)

    events = event_records(*(playback(n) for n in range(1, SENT + 1)), first_offset=1)
    committing = threading.Thread(target=stream.commit, args=(events,))
    committing.start()

    def said() -> str | None:
        words = (record.message for record in caplog.records)
        return next((word for word in words if "No space left" in word), None)

    sentence = wait_until(said, 60, "a word about the disk")
    print(sentence)
    assert sentence is not None and "waits" in sentence
    assert committing.is_alive()
    assert small_database.value("SELECT count(*) FROM warehouse.stream_events") == 1

    ballast.unlink()
    committing.join(60)
    stream.close()
    assert small_database.value("SELECT count(*) FROM warehouse.stream_events") == SENT + 1
    assert audit.books(small_database.dsn).balanced
    assert audit.metrics_that_differ(small_database.dsn) == []
