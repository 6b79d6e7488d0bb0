"""Metrics are the sums over the facts after every batch; a window closes when the watermark passes it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from music_contract import times
from music_contract.topics import STREAM_EVENTS
from music_spark.aggregation.families import Family
from music_spark.warehouse import metrics, postgres
from psycopg2.extensions import cursor as Cursor

from tests import audit
from tests.database import Database
from tests.records import APPENDED_AT, SONGS, Record, dimension_records, event_records, framed, playback, song
from tests.stream import FAMILIES, WATERMARK_DELAY, Stream

pytestmark = pytest.mark.integration

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(moment: datetime) -> str:
    return times.to_text(times.epoch_ms(moment))


def watermark(database: Database) -> datetime | None:
    rows = database.query("SELECT watermark FROM ops.watermarks")
    return rows[0][0] if rows else None


def played_at(number: int, moment: datetime, offset: int, *, appended: datetime | None = None) -> Record:
    """An event of that time; the broker got it at once, or at `appended`."""
    return Record(
        framed(playback(number, event_time=at(moment))), offset=offset, timestamp=appended or moment
    )


def finals(database: Database) -> dict[str, list[bool]]:
    return {
        table: [
            final
            for (final,) in database.query(f"SELECT is_final FROM metrics.{table} ORDER BY window_start")
        ]
        for table in FAMILIES
    }


def test_the_watermark_follows_the_newest_event_at_its_distance(database: Database, stream: Stream) -> None:
    stream.commit([played_at(1, APPENDED_AT, 0), played_at(2, APPENDED_AT - MINUTE, 1)])
    assert watermark(database) == APPENDED_AT - WATERMARK_DELAY


def test_the_watermark_never_goes_back(database: Database, stream: Stream) -> None:
    stream.commit([played_at(1, APPENDED_AT, 0)])
    stream.commit([played_at(2, APPENDED_AT - timedelta(days=3), 1)])
    assert watermark(database) == APPENDED_AT - WATERMARK_DELAY
    assert database.query("SELECT watermark FROM ops.batches ORDER BY id") == [(watermark(database),)] * 2


def test_a_clock_that_is_ahead_does_not_move_the_watermark_beyond_the_brokers_time(
    database: Database, stream: Stream
) -> None:
    stream.commit([played_at(1, APPENDED_AT + 4 * MINUTE, 0, appended=APPENDED_AT)])
    assert watermark(database) == APPENDED_AT - WATERMARK_DELAY
    # The window of the event itself stays open until its own time has passed.
    stream.commit([played_at(2, APPENDED_AT + 10 * MINUTE, 1)])
    assert finals(database)["device"] == [False, False]


def test_a_window_is_final_when_the_watermark_reaches_its_end_and_not_before(
    database: Database, stream: Stream
) -> None:
    start = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    last = timedelta(milliseconds=1)
    stream.commit([played_at(1, start + MINUTE - last, 0)])
    stream.commit([played_at(2, start + MINUTE + WATERMARK_DELAY - last, 1)])
    assert finals(database)["device"] == [False, False]
    stream.commit([played_at(3, start + MINUTE + WATERMARK_DELAY, 2)])
    assert finals(database)["device"] == [True, False, False]
    assert finals(database)["content_performance"] == [False] * 4 * 2
    stream.commit([played_at(4, start + timedelta(hours=1) + WATERMARK_DELAY, 3)])
    assert finals(database)["hourly"] == [True, False]


def test_the_end_of_a_window_writes_none_of_its_rows(database: Database, stream: Stream) -> None:
    start = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    stream.commit([played_at(1, start, 0)])
    versions = [first_row_version(database, family) for family in FAMILIES.values()]
    stream.commit([played_at(2, start + timedelta(hours=1) + WATERMARK_DELAY, 1)])
    assert {family: final[0] for family, final in finals(database).items()} == dict.fromkeys(FAMILIES, True)
    assert [first_row_version(database, family) for family in FAMILIES.values()] == versions


def first_row_version(database: Database, family: Family) -> tuple[str, str]:
    """The transaction that wrote a family's first row, and where it is."""
    ((transaction, place),) = database.query(
        f"SELECT xmin::text, ctid::text FROM {family.sums_table} ORDER BY window_start LIMIT 1"
    )
    return transaction, place


def test_rows_of_windows_without_any_go_in_without_a_look_for_each(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged: list[tuple[str, int]] = []

    def stage(cursor: Cursor, table: str, rows: pa.Table) -> None:
        staged.append((table, len(rows)))
        postgres.stage(cursor, table, rows)

    monkeypatch.setattr(metrics, "stage", stage)
    start = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    stream.commit([played_at(1, start, 0), played_at(2, start + MINUTE, 1)])
    assert staged == []
    # One minute that is known, and one that is new.
    stream.commit([played_at(3, start + MINUTE, 2), played_at(4, start + 2 * MINUTE, 3)])
    assert ("staged_device", 1) in staged
    assert audit.metrics_that_differ(database.dsn) == []


def test_a_history_of_more_windows_than_are_asked_for_adds_to_the_rows_that_there_are(
    database: Database, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_MOST_WINDOWS", 1)
    start = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    for batch in range(2):
        numbers = range(4 * batch, 4 * batch + 4)
        stream.commit([played_at(n, start + (n % 4) * timedelta(days=1), n) for n in numbers])
    assert database.value("SELECT sum(plays)::int FROM metrics.device") == 8
    assert audit.metrics_that_differ(database.dsn) == []


def test_a_late_event_is_a_fact_is_counted_and_corrects_its_final_window(
    database: Database, stream: Stream
) -> None:
    hour = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    stream.commit([played_at(1, hour + MINUTE, 0)])
    stream.commit([played_at(2, hour + timedelta(hours=3), 1)])
    assert finals(database)["hourly"] == [True, False]
    stream.commit([played_at(3, hour + 2 * MINUTE, 2), played_at(4, hour - MINUTE, 3)])
    assert database.query("SELECT plays, is_final FROM metrics.hourly ORDER BY window_start") == [
        (1, True),
        (2, True),
        (1, False),
    ]
    assert database.value("SELECT late_events FROM ops.partitions") == 2
    assert audit.metrics_that_differ(database.dsn) == []


def test_a_resend_of_a_late_event_is_no_late_event(database: Database, stream: Stream) -> None:
    late = played_at(2, APPENDED_AT - timedelta(hours=2), 1)
    stream.commit([played_at(1, APPENDED_AT, 0)])
    stream.commit([late])
    stream.commit([late.at(2)])
    assert database.query("SELECT late_events, duplicates FROM ops.partitions") == [(1, 1)]


def test_a_history_is_old_not_late_and_its_windows_are_final_at_once(
    database: Database, stream: Stream
) -> None:
    stream.commit([played_at(1, APPENDED_AT, 0)])
    watermark = database.value("SELECT watermark FROM ops.watermarks")
    listen = playback(
        2, source="import", event_time="2014-07-27T20:34:47.000Z", started_at="2014-07-27T20:31:47.000Z"
    )
    stream.commit(event_records(listen, first_offset=1))
    assert database.value("SELECT late_events FROM ops.partitions") == 0
    assert database.value("SELECT watermark FROM ops.watermarks") == watermark
    for family in FAMILIES:
        assert database.query(
            f"SELECT DISTINCT is_final FROM metrics.{family} WHERE window_start < '2020-01-01'"
        ) == [(True,)]
    assert audit.metrics_that_differ(database.dsn) == []


def test_distinct_counts_do_not_count_what_comes_again(database: Database, stream: Stream) -> None:
    listeners = ["user-1", "user-2", "user-1", "user-3", "user-2"]
    events = [playback(n, user_id=listener) for n, listener in enumerate(listeners)]
    stream.commit(event_records(*events[:3]))
    stream.commit(event_records(*events, first_offset=3))
    assert database.query("SELECT plays, listeners, songs FROM metrics.hourly") == [(5, 3, 1)]


def test_rates_are_quotients_of_the_sums_that_are_stored(database: Database, stream: Stream) -> None:
    events = [playback(n, skipped=n == 0, ms_played=n * 60_000, liked=False) for n in range(4)]
    stream.commit(event_records(*events))
    ((skip_rate, completion_rate, like_rate, minutes),) = database.query(
        "SELECT skip_rate, completion_rate, like_rate, minutes_played FROM analytics.hourly"
    )
    assert (skip_rate, completion_rate, like_rate, float(minutes)) == (0.25, 0.25, 0.0, 6.0)


# --- Any sequence of batches --------------------------------------------------------------------------------

POOL = 24


@dataclass
class Told:
    """What the sequence of batches must lead to, kept by the simplest means."""

    watermark: datetime | None = None
    stored: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def batch(self, events: list[tuple[dict[str, Any], datetime]]) -> None:
        before = self.watermark
        for event, appended in events:
            moment = datetime.fromisoformat(event["event_time"])
            self.counts["read"] += 1
            if moment > appended + timedelta(minutes=5):
                self.counts["dead_letters"] += 1
                continue
            reached = min(moment, appended) - WATERMARK_DELAY
            self.watermark = max(self.watermark or EPOCH, reached)
            if event["event_id"] in self.stored:
                self.counts["duplicates"] += 1
                continue
            self.stored.add(event["event_id"])
            self.counts["facts"] += 1
            self.counts["late_events"] += before is not None and moment < before


def pool_event(number: int) -> dict[str, Any]:
    """One of a few playbacks, spread over six hours, with few listeners, songs and devices."""
    # Steps that hit the edges of minutes and hours, and miss them.
    offset = timedelta(minutes=17 * number) + timedelta(milliseconds=(number % 3 - 1))
    return playback(
        number,
        event_time=at(APPENDED_AT.replace(minute=0) - timedelta(hours=3) + offset),
        user_id=f"user-{number % 3}",
        song_id=f"song-{number % 4}",
        artist_id=f"artist-{number % 2}",
        device_id=f"device-{number % 5}",
        location_id=f"location-{number % 2}",
        ms_played=number * 10_000,
        skipped=number % 2 == 0,
        liked=number % 5 == 0,
        experiments={"e": "a"} if number % 3 == 0 else {},
    )


batches = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.integers(0, POOL - 1), st.integers(0, 2), st.sampled_from([-4, -1, 0, 0, 0, 90])),
            max_size=8,
        ),
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from(["rock", "jazz", "unknown", "null"])), max_size=2
        ),
    ),
    min_size=1,
    max_size=5,
)
Plan = list[tuple[list[tuple[int, int, int]], list[tuple[int, str]]]]


@given(batches)
@example([([(23, 0, 0)], []), ([(0, 0, 0), (0, 1, 0)], [(0, "jazz")]), ([(4, 0, 0)], [(0, "rock")])])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_every_batch_the_books_agree(database_server: Database, plan: Plan) -> None:
    database_server.empty()
    stream, told = Stream(database_server.dsn), Told()
    offsets: Counter[int] = Counter()
    songs_sent = 0
    try:
        for drawn, songs in plan:
            records, events = [], []
            for number, partition, delay_minutes in drawn:
                event = pool_event(number)
                appended = datetime.fromisoformat(event["event_time"]) + delay_minutes * MINUTE
                records.append(
                    Record(framed(event), partition=partition, offset=offsets[partition], timestamp=appended)
                )
                offsets[partition] += 1
                events.append((event, appended))
            for number, genre in songs:
                state = song(f"song-{number}", genre=genre)
                records += dimension_records(SONGS, state, first_offset=songs_sent)
                songs_sent += 1
            stream.commit(records)
            told.batch(events)
            check(database_server, told)
    finally:
        stream.close()


def check(database: Database, told: Told) -> None:
    """The database says what it must, and agrees with itself."""
    assert audit.metrics_that_differ(database.dsn) == []
    assert watermark(database) == told.watermark
    names = ("read", "facts", "duplicates", "dead_letters", "late_events")
    (found,) = database.query(
        f"""SELECT {", ".join(f"coalesce(sum({name}), 0)::int" for name in names)}
            FROM ops.partitions WHERE topic = %s""",
        STREAM_EVENTS,
    )
    assert dict(zip(names, found, strict=True)) == {name: told.counts[name] for name in names}
    assert database.query("SELECT topic, partition FROM ops.conservation WHERE NOT balanced") == []
    ends = " UNION ALL ".join(
        f"SELECT '{table}', window_end, is_final FROM metrics.{table}" for table in FAMILIES
    )
    wrong = "SELECT * FROM ({}) AS w (family, window_end, is_final) WHERE is_final <> (window_end <= %s)"
    assert database.query(wrong.format(ends), told.watermark) == []
    assert distinct_counts_that_differ(database) == []


def distinct_counts_that_differ(database: Database) -> list[tuple[Any, ...]]:
    """Rows whose distinct counts are not the exact ones; of so few values a sketch loses none."""
    return database.query(
        """
        WITH facts AS (
            SELECT *, date_bin('1 minute', event_time, 'epoch') AS minute,
                date_bin('5 minutes', event_time, 'epoch') AS five,
                date_bin('1 hour', event_time, 'epoch') AS hour
            FROM warehouse.stream_events
        ), expected AS (
            SELECT 'hourly' AS family, hour AS start, '' AS id, count(DISTINCT user_id) AS listeners,
                count(DISTINCT song_id) AS songs FROM facts GROUP BY hour
            UNION ALL
            SELECT 'location', minute, location_id, count(DISTINCT user_id), count(DISTINCT song_id)
            FROM facts GROUP BY minute, location_id
            UNION ALL
            SELECT 'user', hour, user_id, NULL, count(DISTINCT song_id) FROM facts GROUP BY hour, user_id
            UNION ALL
            SELECT k.content_type, five, k.id, count(DISTINCT user_id), NULL
            FROM facts CROSS JOIN LATERAL (
                VALUES ('song', song_id), ('artist', artist_id), ('album', album_id), ('genre', genre)
            ) AS k (content_type, id) GROUP BY 1, 2, 3
        ), stored AS (
            SELECT 'hourly' AS family, window_start AS start, '' AS id, listeners, songs FROM metrics.hourly
            UNION ALL SELECT 'location', window_start, location_id, listeners, songs FROM metrics.location
            UNION ALL SELECT 'user', window_start, user_id, NULL, songs FROM metrics.user_engagement
            UNION ALL
            SELECT content_type, window_start, content_id, listeners, NULL FROM metrics.content_performance
        )
        (TABLE expected EXCEPT TABLE stored) UNION ALL (TABLE stored EXCEPT TABLE expected)"""
    )
