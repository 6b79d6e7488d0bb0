"""A metric whose declaration has changed is rebuilt from the facts by itself, while events go on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from music_spark.aggregation import families
from music_spark.aggregation.families import Family
from music_spark.followers import rebuilding
from music_spark.followers.rebuilding import Rebuilding
from music_spark.settings import Windows
from music_spark.warehouse import metrics
from psycopg2.extensions import cursor as Cursor

from tests import audit
from tests.database import Database
from tests.records import event_records, playback
from tests.stream import FAMILIES, CrashError, Stream, after, crash, wait_until_no_run_writes

pytestmark = pytest.mark.integration

LONGER = families.declare(Windows(content=timedelta(minutes=15), device=timedelta(hours=2)))
WINDOWS = {"content_performance": "15 minutes", "device": "2 hours"}
RUN = uuid4()


def events(first: int, days: tuple[int, ...] = (1, 2, 20), each: int = 6) -> list[dict[str, object]]:
    """Playbacks on several days of November, some of them in the same windows."""
    return [
        playback(
            first + n * 100 + day,
            event_time=f"2026-11-{day:02d}T{(n * 5) % 24:02d}:{(n * 7) % 60:02d}:00.000Z",
            user_id=f"user-{n % 4}",
            device_id=f"device-{n % 3}",
            song_id=f"song-{n % 5}",
        )
        for day in days
        for n in range(each)
    ]


def next_run(database: Database, former: Stream) -> Stream:
    """The stream with the changed declarations, once the former run has left."""
    former.close()
    wait_until_no_run_writes(database)
    return Stream(database.dsn, LONGER)


def declared(stream: Stream, chosen: Mapping[str, Family]) -> Rebuilding:
    pending = stream.writer.transaction(lambda cursor: rebuilding.declare(cursor, RUN, chosen.values()))
    return Rebuilding(RUN, chosen, pending)


def finish(stream: Stream, rebuild: Rebuilding) -> int:
    """Take all the steps; their number."""
    steps = 0
    while rebuild.pending:
        steps += 1
        if stream.writer.transaction(rebuild.step):
            del rebuild.pending[0]
    return steps


def kinds(database: Database) -> list[str]:
    return [kind for (kind,) in database.query("SELECT kind FROM ops.query_events ORDER BY id")]


def test_a_new_warehouse_has_nothing_to_rebuild(database: Database, stream: Stream) -> None:
    assert declared(stream, FAMILIES).pending == []
    stream.commit(event_records(*events(1)))
    assert declared(stream, FAMILIES).pending == []
    assert kinds(database) == []


def test_a_changed_window_length_is_rebuilt_and_said_and_the_other_families_are_left_alone(
    database: Database, stream: Stream
) -> None:
    declared(stream, FAMILIES)
    stream.commit(event_records(*events(1)))
    hourly = database.query("SELECT * FROM metrics.hourly ORDER BY 1")
    changed = next_run(database, stream)
    rebuild = declared(changed, LONGER)
    assert rebuild.pending == ["content_performance", "device"]
    steps = finish(changed, rebuild)
    print(f"{steps} steps")
    assert audit.metrics_that_differ(database.dsn, windows=WINDOWS) == []
    assert database.query("SELECT * FROM metrics.hourly ORDER BY 1") == hourly
    assert kinds(database) == ["rebuild_started"] * 2 + ["rebuild_finished"] * 2
    assert declared(changed, LONGER).pending == []
    changed.close()


def test_events_that_come_while_a_family_is_rebuilt_count_once(database: Database, stream: Stream) -> None:
    declared(stream, FAMILIES)
    stream.commit(event_records(*events(1)))
    changed = next_run(database, stream)
    rebuild = declared(changed, LONGER)
    offset, late = 18, iter(events(50_000, days=(1, 2, 3, 20, 21), each=40))
    while rebuild.pending:
        # An event for each step, before and behind the mark, in windows that are there and in new ones.
        changed.commit(event_records(next(late), next(late), first_offset=offset))
        offset += 2
        if changed.writer.transaction(rebuild.step):
            del rebuild.pending[0]
    changed.commit(event_records(next(late), first_offset=offset))
    changed.close()
    assert audit.metrics_that_differ(database.dsn, windows=WINDOWS) == []
    assert audit.books(database.dsn).balanced


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_crash_in_the_middle_of_a_rebuild_goes_on_where_it_was(
    database: Database, stream: Stream, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(stream, FAMILIES)
    stream.commit(event_records(*events(1)))
    changed = next_run(database, stream)
    with monkeypatch.context() as patch:
        after(patch, metrics, "rebuild", crash, step)
        with pytest.raises(CrashError):
            finish(changed, declared(changed, LONGER))
    again = next_run(database, changed)
    again.commit(event_records(playback(70_000), first_offset=18))
    rebuild = declared(again, LONGER)
    assert rebuild.pending[0] == "content_performance"
    finish(again, rebuild)
    again.close()
    assert audit.metrics_that_differ(database.dsn, windows=WINDOWS) == []
    assert kinds(database) == ["rebuild_started"] * 2 + ["rebuild_finished"] * 2


def test_a_revision_that_is_raised_and_a_table_that_was_emptied_for_it_are_rebuilt(
    database: Database, stream: Stream
) -> None:
    declared(stream, FAMILIES)
    stream.commit(event_records(*events(1)))
    database.query("DELETE FROM metrics.hourly")
    revised = {**FAMILIES, "hourly": replace(FAMILIES["hourly"], revision=2)}
    rebuild = declared(stream, revised)
    assert rebuild.pending == ["hourly"]
    finish(stream, rebuild)
    assert audit.metrics_that_differ(database.dsn) == []


def test_more_facts_than_fit_into_memory_at_once_are_read_in_slices(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(stream, FAMILIES)
    stream.commit(event_records(*events(1, each=40)))
    monkeypatch.setattr(metrics, "_FACTS_AT_ONCE", 7)
    revised = {name: replace(family, revision=2) for name, family in FAMILIES.items()}
    rebuild = declared(stream, revised)
    assert rebuild.pending == list(FAMILIES)
    finish(stream, rebuild)
    assert audit.metrics_that_differ(database.dsn) == []


def test_a_run_that_comes_back_to_other_declarations_than_its_own_is_told_so(
    database: Database, stream: Stream
) -> None:
    def require(cursor: Cursor) -> None:
        rebuilding.require_declared(cursor, FAMILIES.values())

    declared(stream, FAMILIES)
    stream.writer.transaction(require)
    other = next_run(database, stream)
    declared(other, LONGER)
    with pytest.raises(rebuilding.DeclaredOtherwise, match="content_performance, device"):
        other.writer.transaction(require)
    other.close()
