"""Whatever becomes of Spark's checkpoint or of Kafka's partitions, the stream goes on from its ledger.

What is gone it counts and says.
"""

import ast
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from music_contract.topics import STREAM_EVENTS

from tests import audit
from tests.faults import books
from tests.faults.books import Before
from tests.faults.feeding import encoded, event, moment, send
from tests.faults.killing import control, kill, paused, stopped_job
from tests.faults.scale import LONG, RECOVERY_LIMIT_S
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

SENT = 500
KEYS = {
    "user_engagement": ("user_id",),
    "content_performance": ("content_type", "content_id"),
    "device": ("device_id",),
    "location": ("location_id",),
    "hourly": (),
}


def checkpoint(platform: SecondPlatform) -> Path:
    return platform.instance_dir / "data" / "spark" / "checkpoint"


def delete(directory: Path, _kept: Path) -> None:
    shutil.rmtree(directory)


def corrupt(directory: Path, _kept: Path) -> None:
    for file in directory.rglob("*"):
        if file.is_file():
            file.write_bytes(os.urandom(64))


def bring_back(directory: Path, kept: Path) -> None:
    shutil.rmtree(directory)
    shutil.copytree(kept, directory)


@pytest.mark.parametrize("damage", [delete, corrupt, bring_back] if LONG else [corrupt])
def test_a_checkpoint_that_is_lost_corrupted_or_of_yesterday_means_nothing(
    platform: SecondPlatform, before: Before, tmp_path: Path, damage: Any
) -> None:
    directory = checkpoint(platform)
    owner = directory.stat()
    send(platform, (encoded(event()) for _ in range(SENT)))
    kept = shutil.copytree(directory, tmp_path / "kept")
    books.wait_for_all(platform)
    with stopped_job(platform):
        reached = books.positions(platform)
        damage(directory, kept)
        for place in (directory, *directory.rglob("*")) if directory.exists() else ():
            os.chown(place, owner.st_uid, owner.st_gid)
        send(platform, (encoded(event()) for _ in range(SENT)))
    since = books.check(platform, before)
    assert since.facts == 2 * SENT
    said = books.events_of(platform, "started")[-1]
    print(said)
    began = ast.literal_eval(said.removeprefix("from "))[STREAM_EVENTS]
    assert {int(number): offset for number, offset in began.items()} == reached


def published(platform: SecondPlatform) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Plays and milliseconds of every row of every metric family."""
    found = {}
    with audit.reader(platform.postgres_dsn) as cursor:
        for table, keys in KEYS.items():
            columns = ", ".join(("window_start", *keys))
            cursor.execute(f"SELECT plays, ms_played, '{table}', {columns} FROM metrics.{table}")
            found |= {tuple(row[2:]): (row[0], row[1]) for row in cursor.fetchall()}
    return found


def shrunk(before: dict[Any, tuple[int, int]], after: dict[Any, tuple[int, int]]) -> list[Any]:
    """The published rows that say less than before, or that are gone."""
    return [
        key
        for key, (plays, ms_played) in before.items()
        if key not in after or after[key][0] < plays or after[key][1] < ms_played
    ]


def delete_before(platform: SecondPlatform, offsets: dict[int, int]) -> None:
    """Have the broker delete what lies before an offset of each partition, as retention does."""
    places = [TopicPartition(STREAM_EVENTS, number, offset) for number, offset in offsets.items()]
    for answer in books.admin(platform).delete_records(places).values():
        answer.result()


def test_records_that_retention_took_before_they_were_read_are_a_counted_gap(
    platform: SecondPlatform, before: Before
) -> None:
    send(platform, (encoded(event()) for _ in range(SENT)))
    books.wait_for_all(platform)
    figures = published(platform)
    with stopped_job(platform):
        reached = books.ends(platform)
        send(platform, (encoded(event()) for _ in range(SENT)))
        filled = books.ends(platform)
        # Half of what waits in each partition goes; in one partition all of it.
        cut = {n: reached[n] + (filled[n] - reached[n]) // 2 for n in reached} | {0: filled[0]}
        delete_before(platform, cut)
    gone = sum(cut[n] - reached[n] for n in cut)
    books.wait_for_all(platform)
    send(platform, (encoded(event()) for _ in range(SENT)))
    since = books.check(platform, before, missing=gone)
    said = books.events_of(platform, "records_missing")
    print(f"{gone} records gone; said: {said[-1]}")
    assert since.facts == 3 * SENT - gone
    assert len(said) >= sum(cut[n] > reached[n] for n in cut)
    print(f"{len(figures)} published rows of metrics, none of which says less now")
    assert shrunk(figures, published(platform)) == []


@pytest.mark.skipif(not LONG, reason="only in the long form: make test-faults")
def test_records_that_are_deleted_under_a_running_stream_are_a_counted_gap(
    platform: SecondPlatform, before: Before
) -> None:
    send(platform, (encoded(event()) for _ in range(SENT)))
    books.wait_for_all(platform)
    figures, parts = published(platform), 4
    with paused(platform, "postgres"):
        # One batch waits in its commit and one to be committed; what comes after them is not read yet.
        for _ in range(parts):
            send(platform, (encoded(event()) for _ in range(SENT)))
            until = time.monotonic() + 5
            wait_until(lambda until=until: time.monotonic() > until, 10, "the stream has had time to read")
        delete_before(platform, books.ends(platform))
    books.wait_for_all(platform)
    gone = audit.books(platform.postgres_dsn).missing - before.books.missing
    print(f"{gone} of {parts * SENT} records gone; said: {books.events_of(platform, 'records_missing')[-1]}")
    assert SENT <= gone < parts * SENT
    # The ledger shows a gap by the batch that comes after it.
    send(platform, (encoded(event()) for _ in range(SENT)))
    assert books.check(platform, before, missing=gone).facts == (parts + 2) * SENT - gone
    assert shrunk(figures, published(platform)) == []


def cut_logs(platform: SecondPlatform, partitions: range) -> None:
    """Take from partitions the last batch of records, as a machine does that dies before it is on disk."""
    control(platform, "stop", "kafka")
    directory = platform.instance_dir / "data" / "kafka" / "log"
    for number in partitions:
        log = max((directory / f"{STREAM_EVENTS}-{number}").glob("*.log"))
        os.truncate(log, log.stat().st_size - 1)
    # With this mark the broker would take the logs for whole.
    (directory / ".kafka_cleanshutdown").unlink()
    control(platform, "start", "kafka")


def test_records_that_are_written_where_the_log_lost_its_end_are_read(
    platform: SecondPlatform, before: Before
) -> None:
    send(platform, (encoded(event()) for _ in range(SENT)))
    books.wait_for_all(platform)
    with stopped_job(platform):
        reached = books.ends(platform)
        cut_logs(platform, range(2))
        left = books.ends(platform)
        lost = {number: reached[number] - left[number] for number in (0, 1)}
        # In one partition fewer than were lost, in the other more.
        fewer, more = ([event() for _ in range(count)] for count in (max(lost[0] // 2, 1), lost[1] + SENT))
        for number, events in enumerate((fewer, more)):
            send(platform, (encoded(value) for value in events), number)
    books.wait_for_all(platform)
    print(f"lost {lost}; said: {books.events_of(platform, 'records_missing')[-2:]}")
    assert all(lost.values())
    written = [str(value["event_id"]) for value in fewer + more]
    assert books.stored_of(platform, written) == len(written)
    now = audit.books(platform.postgres_dsn)
    assert now.facts - before.books.facts == SENT + len(written)
    rows, distinct = audit.facts_stored(platform.postgres_dsn)
    assert rows == distinct == now.facts
    assert audit.metrics_that_differ(platform.postgres_dsn) == []
    assert books.imbalances(platform) == []


@pytest.mark.parametrize("running", [True, False] if LONG else [True])
def test_a_recreated_topic_is_read_from_its_first_record_and_said_and_no_figure_shrinks(
    platform: SecondPlatform, before: Before, running: bool
) -> None:
    send(platform, (encoded(event()) for _ in range(SENT)))
    books.wait_for_all(platform)
    figures, said = published(platform), len(books.events_of(platform, "topic_recreated"))
    if running:
        books.recreate(platform)
        # More than the former topic had, so that no offset tells them apart.
        more = before.acknowledged + 2 * SENT
        send(platform, (encoded(event()) for _ in range(more)))
    else:
        with stopped_job(platform):
            books.recreate(platform)
            more = SENT
            send(platform, (encoded(event()) for _ in range(more)))
    books.wait_for_all(platform)
    wait_until(
        lambda: len(books.events_of(platform, "topic_recreated")) > said, RECOVERY_LIMIT_S, "it is said"
    )
    print(json.dumps(books.events_of(platform, "topic_recreated")[-1]))
    now = audit.books(platform.postgres_dsn)
    assert now.facts - before.books.facts == SENT + more
    rows, distinct = audit.facts_stored(platform.postgres_dsn)
    assert rows == distinct == now.facts
    assert audit.metrics_that_differ(platform.postgres_dsn) == []
    assert shrunk(figures, published(platform)) == []


def test_a_driver_that_dies_in_the_middle_of_a_backlog_reads_on_where_it_was(
    platform: SecondPlatform, before: Before
) -> None:
    with stopped_job(platform):
        send(platform, (encoded(event(moment())) for _ in range(20 * SENT)))
    wait_until(lambda: audit.books(platform.postgres_dsn).read > before.books.read, 120, "the first batch")
    kill(platform, "driver")
    assert books.check(platform, before).facts == 20 * SENT
