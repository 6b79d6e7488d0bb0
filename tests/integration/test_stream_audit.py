"""The audit sees whatever somebody or something has changed behind the stream's back, and nothing else."""

from uuid import uuid4

import psycopg2
import pytest
from music_spark.followers import auditing
from music_spark.followers.auditing import Books, FamilyLook, Look

from tests.database import Database
from tests.records import LOCATIONS, SONGS, bare, dimension_records, event_records, location, playback, song
from tests.stream import FAMILIES, Stream

pytestmark = pytest.mark.integration

CONTENT, SONG = "metrics.content_performance", "content_type = 'song'"


def looks() -> list[Look]:
    """All looks of one round."""
    found: list[Look] = [Books(uuid4(), FAMILIES)]
    for family in FAMILIES.values():
        found += [FamilyLook(uuid4(), FAMILIES, family, recent) for recent in (True, False)]
    return found


def audit(database: Database) -> list[tuple[str, str]]:
    """Look at everything; scope and subject of what does not balance by now."""
    connection = auditing.connect(database.dsn)
    try:
        for look in looks():
            # Once to learn the pace, then through the whole history.
            for _ in range(4):
                with connection, connection.cursor() as cursor:
                    look(cursor)
    finally:
        connection.close()
    rows = database.query("SELECT scope, subject FROM ops.imbalances WHERE resolved_at IS NULL ORDER BY 1, 2")
    return [(scope, subject) for scope, subject in rows]


@pytest.fixture
def books(database: Database, stream: Stream) -> Database:
    """A warehouse with facts of several windows, of which some are closed."""
    stream.commit(dimension_records(SONGS, song()) + dimension_records(LOCATIONS, location()))
    times = [f"2026-11-23T{hour:02d}:{minute:02d}:00.000Z" for hour in (14, 15, 18) for minute in (1, 2, 4)]
    events = [playback(n, event_time=time, user_id=f"user-{n % 3}") for n, time in enumerate(times)]
    stream.commit(event_records(*events, events[0]))
    return database


def test_books_that_balance_are_found_to_and_the_time_of_the_look_is_kept(books: Database) -> None:
    assert audit(books) == []
    scopes = [scope for (scope,) in books.query("SELECT scope FROM ops.audits ORDER BY 1")]
    assert scopes == sorted(["partitions", "totals", *FAMILIES])
    rounds = books.query("SELECT count(*) FROM ops.audits WHERE round_finished_at IS NOT NULL")
    assert rounds == [(len(FAMILIES),)]
    assert books.query("SELECT kind FROM ops.query_events") == []


@pytest.mark.parametrize(
    ("change", "scopes"),
    [
        (f"UPDATE {CONTENT} SET plays = plays + 1 WHERE {SONG}", {"content_performance"}),
        (f"UPDATE {CONTENT} SET ms_played = ms_played - 1 WHERE {SONG}", {"content_performance"}),
        (f"DELETE FROM {CONTENT} WHERE content_type = 'genre'", {"content_performance"}),
        ("UPDATE metrics.device SET skipped = skipped + 1", {"device"}),
        ("UPDATE metrics.location SET liked = 0", {"location"}),
        (
            "UPDATE metrics.user_engagement SET user_id = 'user-9' WHERE user_id = 'user-1'",
            {"user_engagement"},
        ),
        ("UPDATE metrics.hourly SET plays = plays + 1", {"hourly", "totals"}),
        ("DELETE FROM metrics.hourly", {"hourly", "totals"}),
        ("UPDATE ops.partitions SET read = read + 1 WHERE topic = 'music.stream-events'", {"partitions"}),
        ("UPDATE ops.partitions SET position = position + 1", {"partitions"}),
        (
            "UPDATE ops.partitions SET facts = facts - 1, duplicates = duplicates + 1",
            {"totals", "partitions"},
        ),
        ("DELETE FROM warehouse.stream_events WHERE event_time < '2026-11-23 14:02+00'", set(FAMILIES)),
        ("UPDATE warehouse.stream_events SET ms_played = 1", set(FAMILIES)),
        (
            "UPDATE warehouse.stream_events SET user_id = 'user-7' WHERE user_id = 'user-1'",
            {"user_engagement"},
        ),
    ],
)
def test_what_is_changed_by_hand_is_found_said_and_taken_back_when_it_is_put_right(
    books: Database, change: str, scopes: set[str]
) -> None:
    saved = {name: books.query(f"SELECT * FROM {name}") for name in tables()}
    books.query(change)
    found = audit(books)
    print(f"{change}: {found}")
    assert {scope for scope, _ in found} <= scopes | {"totals"}
    assert {scope for scope, _ in found} >= scopes - {"totals", "partitions"} or "partitions" in scopes
    assert books.query("SELECT DISTINCT kind FROM ops.query_events") == [("imbalance",)]
    assert (
        books.value(
            "SELECT balanced FROM (SELECT count(*) = 0 AS balanced FROM ops.imbalances "
            "WHERE resolved_at IS NULL) AS open"
        )
        is False
    )
    for name, rows in saved.items():
        books.query(f"DELETE FROM {name}")
        put_back(books, name, rows)
    assert audit(books) == []
    assert books.value("SELECT count(*) FROM ops.imbalances WHERE resolved_at IS NOT NULL") == len(found)


def tables() -> list[str]:
    return ["warehouse.stream_events", "ops.partitions", *(family.sums_table for family in FAMILIES.values())]


def put_back(database: Database, table: str, rows: list[tuple[object, ...]]) -> None:
    connection = psycopg2.connect(database.dsn)
    try:
        with connection, connection.cursor() as cursor:
            for row in rows:
                values = [bare(value).decode() if isinstance(value, dict) else value for value in row]
                cursor.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", values)
    finally:
        connection.close()


def test_what_was_wrong_outside_of_all_windows_is_right_again_when_it_is_gone(books: Database) -> None:
    books.query(
        "INSERT INTO metrics.hourly_sums SELECT (jsonb_populate_record(h, jsonb_build_object("
        "'window_start', '2026-11-23T22:00:00Z', 'window_end', '2026-11-23T23:00:00Z'))).*"
        " FROM metrics.hourly_sums AS h LIMIT 1"
    )
    assert {scope for scope, _ in audit(books)} == {"hourly", "totals"}
    books.query("DELETE FROM metrics.hourly_sums WHERE window_start = '2026-11-23T22:00:00Z'")
    assert audit(books) == []


def test_of_more_differences_than_are_reported_none_counts_as_settled(
    books: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "_MOST_FOUND", 2)
    books.query("UPDATE metrics.user_engagement SET plays = plays + 1")
    for _ in range(3):
        audit(books)
    assert books.value("SELECT count(*) FROM ops.imbalances WHERE resolved_at IS NOT NULL") == 0


def test_a_family_that_is_being_rebuilt_is_not_judged(books: Database) -> None:
    books.query("INSERT INTO ops.metric_families VALUES ('device', 'f', '{}', '2026-11-23T00:00:00Z')")
    books.query("UPDATE metrics.device SET plays = 99")
    assert audit(books) == []
