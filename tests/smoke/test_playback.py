"""Two playbacks of our own go through the whole platform and move exactly the rows that they should."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from music_contract import topics

from tests.smoke.access import ARRIVAL_LIMIT_S, Connection, Measured, Sender, rows
from tests.smoke.playback import Record, World, now_ms
from tests.waiting import wait_until

pytestmark = pytest.mark.smoke

MEASURES = ("plays", "streams", "completed", "skipped", "liked", "added_to_playlist", "ms_played")

# What one completed and liked playback, one skipped after ten seconds, and a resend of the first add up to.
EXPECTED = {
    "plays": 2,
    "streams": 1,
    "completed": 1,
    "skipped": 1,
    "liked": 1,
    "added_to_playlist": 1,
    "ms_played": 210_000,
}


@dataclass(frozen=True)
class Played:
    """What was sent, and how long it took until it could be read."""

    world: World
    events: Sequence[Record]
    seconds: float


@pytest.fixture(scope="module")
def played(sender: Sender, database: Connection) -> Played:
    world = World()
    for schema, record in world.dimensions().items():
        sender.send_record(topics.DIMENSIONS[schema].name, record)
    wait_until(
        lambda: rows(database, "SELECT 1 FROM warehouse.songs WHERE song_id = %s", world.id_of("song")),
        ARRIVAL_LIMIT_S,
        "the song's record in warehouse.songs",
    )
    # Both end in the same instant, so that they fall into the same windows whatever the length of these is.
    ended = now_ms()
    finished = world.playback(ended, liked=True, added_to_playlist=True)
    skipped = world.playback(ended, ms_played=10_000, skipped=True, reason_end="fwdbtn")
    began = time.monotonic()
    for event in (finished, skipped, finished):
        sender.send_record(topics.STREAM_EVENTS, event)
    wait_until(
        lambda: len(facts_of(database, world)) >= 2,
        ARRIVAL_LIMIT_S,
        "both playbacks in warehouse.stream_events",
    )
    return Played(world, (finished, skipped), time.monotonic() - began)


def test_each_playback_is_stored_once_with_the_values_that_were_sent(
    played: Played, database: Connection, measured: Measured
) -> None:
    facts = {str(fact["event_id"]): fact for fact in facts_of(database, played.world)}
    assert set(facts) == {event["event_id"] for event in played.events}
    for event in played.events:
        fact = facts[event["event_id"]]
        same = ("user_id", "session_id", "song_id", "artist_id", "album_id", "device_id", "location_id")
        same += ("ms_played", "song_duration_ms", "reason_start", "reason_end", "skipped", "liked", "source")
        assert {name: fact[name] for name in same} == {name: event[name] for name in same}
        assert f"{fact['event_time']:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" == event["event_time"]
        assert fact["genre"] == played.world.genre
        assert fact["is_completed"] is fact["is_stream"] is (event["ms_played"] == 200_000)
    measured(f"readable {played.seconds:.1f} s after they were sent")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("metrics.user_engagement", "user"),
        ("metrics.content_performance", "song"),
        ("metrics.content_performance", "artist"),
        ("metrics.content_performance", "album"),
        ("metrics.content_performance", "genre"),
        ("metrics.device", "device"),
        ("metrics.location", "location"),
    ],
)
def test_a_metric_has_exactly_one_row_for_its_key_with_exactly_these_values(
    played: Played, database: Connection, measured: Measured, table: str, key: str
) -> None:
    if table == "metrics.content_performance":
        identity = played.world.genre if key == "genre" else played.world.id_of(key)
        condition, values = "content_type = %s AND content_id = %s", (key, identity)
    else:
        condition, values = f"{key}_id = %s", (played.world.id_of(key),)
    query = (
        f"SELECT *, '{played.events[0]['event_time']}'::timestamptz AS moment FROM {table} WHERE {condition}"
    )

    found = wait_until(
        lambda: [row for row in rows(database, query, *values) if row["plays"] >= 2],
        ARRIVAL_LIMIT_S,
        f"a row of {table} with both playbacks",
    )

    assert len(rows(database, query, *values)) == 1
    row = found[0]
    assert {name: row[name] for name in MEASURES} == EXPECTED
    assert row["window_start"] <= row["moment"] < row["window_end"]
    assert {row[name] for name in ("listeners", "songs") if name in row} <= {1}
    measured(f"{table} from {row['window_start']:%H:%M} to {row['window_end']:%H:%M}: {row['plays']} plays")


def test_the_hourly_metric_is_the_sum_of_the_facts_of_its_hour(
    played: Played, database: Connection, measured: Measured
) -> None:
    # One statement reads both sides, so it sees one state of the database whatever arrives meanwhile.
    query = """
        SELECT h.*, f.*
        FROM metrics.hourly AS h
        CROSS JOIN LATERAL (
            SELECT
                count(*) AS fact_plays,
                count(*) FILTER (WHERE is_stream) AS fact_streams,
                count(*) FILTER (WHERE is_completed) AS fact_completed,
                count(*) FILTER (WHERE skipped) AS fact_skipped,
                count(*) FILTER (WHERE liked) AS fact_liked,
                count(*) FILTER (WHERE added_to_playlist) AS fact_added_to_playlist,
                sum(ms_played)::bigint AS fact_ms_played
            FROM warehouse.stream_events
            WHERE event_time >= h.window_start AND event_time < h.window_end
        ) AS f
        WHERE h.window_start <= %s::timestamptz AND %s::timestamptz < h.window_end
    """
    moment = played.events[0]["event_time"]

    def equal() -> dict[str, Any] | None:
        found = rows(database, query, moment, moment)
        assert len(found) <= 1
        same = found and all(found[0][name] == found[0][f"fact_{name}"] for name in MEASURES)
        return found[0] if same else None

    row = wait_until(equal, ARRIVAL_LIMIT_S, "an hourly row equal to the sums over the facts")
    assert row["plays"] >= 2
    measured(f"{row['plays']:,} plays and {row['ms_played']:,} ms on both sides")


def test_dimensions_arrive_as_they_were_sent(played: Played, database: Connection) -> None:
    for schema, record in played.world.dimensions().items():
        key = f"{schema}_id"
        found = rows(database, f"SELECT * FROM warehouse.{schema}s WHERE {key} = %s", record[key])
        assert len(found) == 1, schema
        stored = found[0]
        assert not stored["is_inferred"]
        moments = {"updated_at", "signed_up_at", "birth_date", "release_date"}
        assert {n: stored[n] for n in record if n not in moments} == {
            n: record[n] for n in record if n not in moments
        }


def facts_of(database: Connection, world: World) -> list[dict[str, Any]]:
    return rows(database, "SELECT * FROM warehouse.stream_events WHERE user_id = %s", world.id_of("user"))
