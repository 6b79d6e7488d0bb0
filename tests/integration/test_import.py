"""Histories through a running platform: exact numbers, once each, however often and however interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from music_producer.importing import identities

from tests import audit
from tests.histories import SAMPLES, write_history
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

STORED_S = 120.0
LISTENS = 3_000

_SUMS = """
SELECT count(*), coalesce(sum(ms_played), 0)::bigint, coalesce(sum(is_stream::int), 0)::bigint,
    coalesce(sum(is_completed::int), 0)::bigint, coalesce(sum(skipped::int), 0)::bigint,
    count(DISTINCT song_id), count(DISTINCT session_id), min(event_time)::text, max(event_time)::text
FROM warehouse.stream_events WHERE user_id = %s AND source = 'import'"""

# Folder -> listens, ms_played, streams, completed, skipped, songs, sessions, first, last: counted by hand.
EXPECTED: dict[str, tuple[Any, ...]] = {
    "spotify_extended": (
        11, 3_685_845, 8, 4, 2, 8, 6, "2013-05-11 10:00:00+00", "2023-02-11 19:04:00+00",
    ),
    "spotify_account": (
        8, 2_367_640, 6, 6, 2, 5, 4, "2023-01-05 14:22:00+00", "2023-03-02 17:05:00+00",
    ),
    "lastfm": (6, 1_260_000, 6, 6, 0, 6, 4, "2010-01-01 00:03:30+00", "2025-12-24 18:08:30+00"),
    "listenbrainz": (4, 947_320, 4, 3, 0, 4, 3, "2014-03-03 12:03:58+00", "2025-12-24 18:13:30+00"),
}  # fmt: skip


def import_command(platform: SecondPlatform, path: Path, user: str, *words: str) -> list[str]:
    """The command, with the progress of this test's own."""
    return [
        str(Path(sys.executable).parent / "music-producer"), "import", str(path),
        "--bootstrap-servers", platform.kafka_bootstrap_servers,
        "--registry-url", platform.schema_registry_url,
        "--user-name", user, "--progress-dir", str(platform.home / "imports"), *words,
    ]  # fmt: skip


def import_history(platform: SecondPlatform, path: Path, user: str, *words: str) -> str:
    ran = subprocess.run(import_command(platform, path, user, *words), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == identities.user_id(user)
    return ran.stderr


def sums(platform: SecondPlatform, user: str) -> tuple[Any, ...]:
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(_SUMS, [identities.user_id(user)])
        return tuple(cursor.fetchone())


def stored(platform: SecondPlatform, user: str, listens: int) -> tuple[Any, ...]:
    """The sums of a listener once as many listens are stored, and every record before them is read."""
    return wait_until(
        lambda: found if (found := sums(platform, user))[0] >= listens else None,
        STORED_S,
        f"storing {listens} listens of {user}",
    )


def totals(platform: SecondPlatform) -> dict[str, int]:
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            "SELECT sum(facts), sum(duplicates), sum(late_events), sum(dead_letters), sum(dimensions) "
            "FROM ops.partitions"
        )
        names = ("facts", "duplicates", "late_events", "dead_letters", "dimensions")
        return {name: int(total or 0) for name, total in zip(names, cursor.fetchone(), strict=True)}


def everything_of(platform: SecondPlatform, user: str) -> list[str]:
    """All rows about a listener and what was heard, as text; without the clock of the last change."""
    user_id = identities.user_id(user)
    songs = "(SELECT song_id FROM warehouse.stream_events WHERE user_id = %(user)s)"
    found: list[str] = []
    with audit.reader(platform.postgres_dsn) as cursor:
        for statement in (
            "SELECT f::text FROM warehouse.stream_events AS f WHERE user_id = %(user)s",
            "SELECT u::text FROM warehouse.users AS u WHERE user_id = %(user)s",
            f"SELECT s::text FROM warehouse.songs AS s WHERE song_id IN {songs}",
            "SELECT m::text FROM metrics.user_engagement AS m WHERE user_id = %(user)s",
            f"SELECT m::text FROM metrics.content_performance AS m WHERE content_id IN {songs}",
        ):
            cursor.execute(statement, {"user": user_id})
            found += sorted(row for (row,) in cursor.fetchall())
    return found


@pytest.mark.parametrize("folder", list(EXPECTED))
def test_a_sample_lands_with_exact_numbers(platform: SecondPlatform, folder: str) -> None:
    user, before = f"Sample of {folder}", totals(platform)
    told = import_history(platform, SAMPLES / folder, user, "--country", "DE")
    print(told)
    assert stored(platform, user, EXPECTED[folder][0]) == EXPECTED[folder]
    after = totals(platform)
    assert after["late_events"] == before["late_events"]
    assert after["dead_letters"] == before["dead_letters"]
    with audit.reader(platform.postgres_dsn) as cursor:
        cursor.execute(
            "SELECT sum(plays)::int, sum(ms_played)::bigint FROM metrics.user_engagement WHERE user_id = %s",
            [identities.user_id(user)],
        )
        assert cursor.fetchone() == EXPECTED[folder][:2]
        cursor.execute(
            """SELECT count(*) FROM analytics.stream_events
               WHERE user_id = %s AND (song IS NULL OR artist IS NULL OR album IS NULL OR country IS NULL)""",
            [identities.user_id(user)],
        )
        assert cursor.fetchone() == (0,), "a dimension did not arrive"
    assert audit.metrics_that_differ(platform.postgres_dsn) == []


def test_importing_twice_changes_nothing(platform: SecondPlatform) -> None:
    user, path = "Twice", SAMPLES / "spotify_extended"
    import_history(platform, path, user)
    stored(platform, user, 11)
    before, duplicates = everything_of(platform, user), totals(platform)["duplicates"]
    import_history(platform, path, user)
    wait_until(
        lambda: totals(platform)["duplicates"] >= duplicates + 12, STORED_S, "reading the second import"
    )
    assert everything_of(platform, user) == before
    assert audit.books(platform.postgres_dsn).balanced


def test_the_account_data_first_and_the_extended_history_later_is_each_listen_once(
    platform: SecondPlatform,
) -> None:
    user = "Both exports"
    import_history(platform, SAMPLES / "spotify_account", user)
    stored(platform, user, 8)
    import_history(platform, SAMPLES / "spotify_extended", user)
    assert stored(platform, user, 16)[0] == 16
    assert audit.metrics_that_differ(platform.postgres_dsn) == []


def test_an_import_that_is_killed_goes_on_and_ends_the_same(platform: SecondPlatform, tmp_path: Path) -> None:
    path, user = tmp_path / "endsong_0.json", "Killed"
    write_history(path, listens=LISTENS, years=6)
    notes = platform.home / "imports"
    before = set(notes.glob("import-*.json"))
    command = import_command(platform, path, user, "--rate", "1000")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        wait_until(lambda: set(notes.glob("import-*.json")) - before, STORED_S, "the first note of progress")
        os.kill(running.pid, signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    told = import_history(platform, path, user, "--rate", "inf")
    print(told)
    assert "going on after" in told
    assert stored(platform, user, LISTENS)[0] == LISTENS
    # What it would have been without the kill: sent once more, every listen is there already.
    facts, duplicates = totals(platform)["facts"], totals(platform)["duplicates"]
    import_history(platform, path, user, "--rate", "inf")
    wait_until(
        lambda: totals(platform)["duplicates"] >= duplicates + LISTENS, STORED_S, "reading it once more"
    )
    assert totals(platform)["facts"] == facts
    assert set(notes.glob("import-*.json")) == before
    assert audit.metrics_that_differ(platform.postgres_dsn) == []


def test_make_import_shows_the_listener_what_is_stored(platform: SecondPlatform) -> None:
    ran = platform.run("import", f"FILE={SAMPLES / 'spotify_extended'}", "USER_NAME=By make", "COUNTRY=FR")
    print(ran.stdout, ran.stderr)
    assert ran.returncode == 0
    assert f"11 listens of {identities.user_id('By make')} are stored" in ran.stdout
    assert "The Paper Kites of Ulm" in ran.stdout
