"""PostgreSQL to a file and back, while events flow."""

from pathlib import Path

import pytest

from tests import backups
from tests.docker import promises
from tests.docker.watching import Pauses
from tests.faults import books
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

GROWTH = 500
GROWTH_LIMIT_S = 300


def test_the_stream_goes_on_from_a_backup_that_was_restored(platform: SecondPlatform, balanced: None) -> None:
    with Pauses(platform) as backing_up:
        file = backups.make(platform)
    then = promises.stored(platform)
    wait_until(
        lambda: promises.stored(platform) > then + GROWTH, GROWTH_LIMIT_S, "the stream goes on after a backup"
    )

    backups.mark(platform)
    assert backups.MARK in books.events_of(platform, "stopped")

    with Pauses(platform) as restoring:
        restored = platform.run("restore", f"FILE={file}", "FORCE=1")

    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert backups.MARK not in books.events_of(platform, "stopped")
    reached = promises.stored(platform)
    wait_until(
        lambda: promises.stored(platform) > max(reached, then) + GROWTH,
        GROWTH_LIMIT_S,
        "the stream goes on after a restore",
    )
    print(
        f"{file.stat().st_size / 2**20:.0f} MiB; the longest time without a new fact was"
        f" {backing_up.longest_s:.1f} s at the backup and {restoring.longest_s:.1f} s at the restore"
    )


def test_what_is_no_backup_is_refused_and_nothing_is_stopped(
    platform: SecondPlatform, tmp_path: Path
) -> None:
    file = tmp_path / "holiday.tar.gz"
    file.write_bytes(b"no archive")

    refused = platform.run("restore", f"FILE={file}", "FORCE=1")

    assert refused.returncode != 0
    assert "is no backup, or it is damaged" in refused.stderr
    assert platform.run("status").returncode == 0
