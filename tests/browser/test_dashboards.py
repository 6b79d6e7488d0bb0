"""Every dashboard in a real browser: drawn without a complaint, with numbers that PostgreSQL gives too."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from confluent_kafka import Producer
from music_contract import times, topics
from music_dashboards import files
from music_producer.importing import identities

from tests.browser.conftest import OpenDashboard, asked
from tests.browser.page import Dashboard
from tests.histories import SAMPLES
from tests.records import playback
from tests.second_platform import CHECKOUT, SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.browser

NAMES = sorted(files.read(CHECKOUT / "superset" / "assets").dashboards)
# Longer than any answer is kept by Superset (a minute), and time to draw it.
OLDEST_ANSWER = timedelta(seconds=75)
LIVE_LIMIT_S = 120
# At two polls a second, well over the tenth of a playback per second that the number shows.
SENT = 12

Query = Callable[..., Any]


@pytest.fixture(scope="module")
def query(platform: SecondPlatform) -> Query:
    """Ask PostgreSQL as the role that Superset has, for one value."""

    return partial(asked, platform)


@pytest.fixture(scope="module")
def still(platform: SecondPlatform, query: Query) -> None:
    """Nothing new arrives: what a page shows can be compared with what SQL gives a moment later."""
    stopped = platform.run("up", "RATE=0")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    wait_until(lambda: query("SELECT lag_records FROM analytics.pipeline_health") == 0, 60, "an empty queue")
    facts = "SELECT facts FROM analytics.pipeline_health"
    seen = [query(facts)]

    def at_rest() -> bool:
        seen.append(query(facts))
        return len(seen) > 50 and len(set(seen[-50:])) == 1

    wait_until(at_rest, 120, "ten seconds without a new fact")
    left = "SELECT facts_not_counted FROM analytics.freshness"
    wait_until(lambda: query(left) == 0, 300, "the rollups' count of every fact")


# For each dashboard a chart, and the SQL of its number. Where its range of time moves on, the number can only
# fall, as nothing new arrives.
NUMBERS = {
    "live": (
        "Listeners",
        "SELECT count(DISTINCT user_id) FROM analytics.stream_events"
        " WHERE event_time >= %(now)s - interval '30 minutes'",
    ),
    "listeners": (
        "Active in 28 days",
        "SELECT monthly_active_listeners FROM analytics.listener_activity ORDER BY day DESC LIMIT 1",
    ),
    "content": ("Streams", "SELECT sum(streams)::bigint FROM analytics.genre_daily"),
    "devices-and-places": ("Playbacks", "SELECT sum(plays)::bigint FROM analytics.place_daily"),
    "my-listening": ("Playbacks", "SELECT count(*) FROM analytics.my_listening"),
    "pipeline-health": ("Unaccounted", "SELECT sum(unaccounted)::bigint FROM analytics.pipeline_partitions"),
}


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_draws_every_chart_without_a_complaint_and_with_the_number_that_sql_gives(
    open_dashboard: OpenDashboard, query: Query, name: str
) -> None:
    chart, statement = NUMBERS[name]

    dashboard = open_dashboard(name)

    shown = dashboard.number(chart)
    now = datetime.now(UTC)
    most, least = (_at(query, statement, moment) for moment in (now - OLDEST_ANSWER, now))
    assert least <= shown <= most
    assert shown > 0 or name == "pipeline-health"
    assert dashboard.complaints == []


def _at(query: Query, statement: str, moment: datetime, value: str | None = None) -> int:
    return int(query(statement, {"now": moment, "value": value}))


@pytest.mark.usefixtures("still")
def test_pipeline_health_accounts_for_the_records_of_every_topic_as_sql_does(
    open_dashboard: OpenDashboard, query: Query
) -> None:
    known = query(
        "SELECT jsonb_object_agg(topic, ARRAY[read, facts + duplicates + dimensions + dead_letters])"
        " FROM (SELECT topic, sum(read) AS read, sum(facts) AS facts, sum(duplicates) AS duplicates,"
        " sum(dimensions) AS dimensions, sum(dead_letters) AS dead_letters"
        " FROM analytics.pipeline_partitions GROUP BY topic) AS t"
    )

    dashboard = open_dashboard("pipeline-health")

    shown = {}
    for topic, *cells in dashboard.rows("Everything read is accounted for"):
        read, *became = (int(cell.replace(",", "")) for cell in cells)
        shown[topic] = [read, sum(became[:4])]
    assert shown == known
    assert min(read for read, _ in shown.values()) > 0


class Choice(NamedTuple):
    """A value of a filter, and what must follow it: a number (chart and SQL) and a table's column."""

    filter_id: str
    value: str
    number: tuple[str, str] | None
    column: tuple[str, int]


CHOICES = {
    "live": Choice(
        "NATIVE_FILTER-country",
        "SELECT country FROM analytics.stream_events WHERE event_time > now() - interval '20 minutes'"
        " GROUP BY country ORDER BY count(*) DESC LIMIT 1",
        (
            "Listeners",
            "SELECT count(DISTINCT user_id) FROM analytics.stream_events"
            " WHERE country = %(value)s AND event_time >= %(now)s - interval '30 minutes'",
        ),
        ("Newest playbacks", 5),
    ),
    "listeners": Choice(
        "NATIVE_FILTER-subscription",
        "SELECT subscription FROM analytics.engagement_daily GROUP BY subscription"
        " ORDER BY sum(plays) LIMIT 1",
        None,
        ("How each subscription listens", 0),
    ),
    "content": Choice(
        "NATIVE_FILTER-genre",
        "SELECT genre FROM analytics.genre_daily GROUP BY genre ORDER BY sum(plays) DESC LIMIT 1",
        (
            "Songs played",
            "SELECT count(DISTINCT content_id) FROM analytics.content_daily"
            " WHERE content_type = 'song' AND genre = %(value)s",
        ),
        ("How genres do", 0),
    ),
    "devices-and-places": Choice(
        "NATIVE_FILTER-country",
        "SELECT country FROM analytics.place_daily GROUP BY country ORDER BY sum(plays) DESC LIMIT 1",
        ("Playbacks", "SELECT sum(plays)::bigint FROM analytics.place_daily WHERE country = %(value)s"),
        ("Cities", 1),
    ),
    "my-listening": Choice(
        "NATIVE_FILTER-artist",
        "SELECT artist FROM analytics.my_listening GROUP BY artist ORDER BY count(*) DESC LIMIT 1",
        ("Playbacks", "SELECT count(*) FROM analytics.my_listening WHERE artist = %(value)s"),
        ("Top songs", 1),
    ),
}


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("name", sorted(CHOICES))
def test_a_number_and_a_table_follow_a_filter(open_dashboard: OpenDashboard, query: Query, name: str) -> None:
    choice = CHOICES[name]
    value = query(choice.value)
    table, column = choice.column
    dashboard = open_dashboard(name)
    before = dashboard.number(choice.number[0]) if choice.number else 0
    assert {row[column] for row in dashboard.rows(table)} != {value}

    dashboard.choose(choice.filter_id, value)

    # A chart without rows is being drawn again: each answers the filter in its own time.
    def rows_of_the_value_alone() -> bool:
        dashboard.page.wait_for_timeout(500)
        return {row[column] for row in dashboard.rows(table)} == {value}

    wait_until(rows_of_the_value_alone, LIVE_LIMIT_S, f"rows of {value} alone in {table}")
    if choice.number:
        chart, statement = choice.number

        def chosen() -> float | None:
            dashboard.page.wait_for_timeout(500)
            number = dashboard.number(chart)
            return number if number < before else None

        shown = wait_until(chosen, LIVE_LIMIT_S, f"{chart} below the {before:g} of everything")
        now = datetime.now(UTC)
        least, most = (_at(query, statement, moment, value) for moment in (now, now - OLDEST_ANSWER))
        assert 0 < least <= shown <= most
    assert dashboard.complaints == []


@pytest.mark.usefixtures("still")
def test_the_live_dashboard_follows_new_playbacks_by_itself(
    open_dashboard: OpenDashboard, platform: SecondPlatform, query: Query
) -> None:
    known = query(
        "SELECT to_jsonb(e) FROM analytics.stream_events AS e WHERE song IS NOT NULL AND city IS NOT NULL"
        " AND event_time > now() - interval '1 hour' ORDER BY event_time LIMIT 1"
    )
    dashboard = open_dashboard("live")
    dashboard.page.evaluate("() => { window.notLoadedAgain = true }")
    before = [row for row in dashboard.rows("Newest playbacks") if row[3] == "00:59"]
    assert len(before) < 12
    producer = Producer({**platform.kafka_client, "acks": "all"})

    # Each chart asks again in its own time, and the rate is of the last minute: the music goes on meanwhile.
    def all_rows_are_ours_and_the_rate_has_risen() -> bool:
        _send(producer, known)
        dashboard.page.wait_for_timeout(500)
        rows = dashboard.rows("Newest playbacks")
        ours = len(rows) == 12 and all(row[1] == known["song"] and row[3] == "00:59" for row in rows)
        return ours and dashboard.number("Playbacks per second") > 0

    wait_until(
        all_rows_are_ours_and_the_rate_has_risen,
        LIVE_LIMIT_S,
        f"twelve new playbacks of {known['song']} and their rate",
    )
    assert dashboard.page.evaluate("() => window.notLoadedAgain")
    assert dashboard.complaints == []


def _send(producer: Producer, known: dict[str, Any]) -> None:
    """Send playbacks of a known song by known listeners, 59 seconds each."""
    ids = ("user_id", "song_id", "artist_id", "album_id", "device_id", "location_id")
    first = random.getrandbits(40)
    for number in range(SENT):
        ended = datetime.now(UTC)
        event = playback(
            first + number,
            **{key: known[key] for key in ids},
            event_time=_text(ended),
            started_at=_text(ended - timedelta(seconds=59)),
            produced_at=_text(ended),
            ms_played=59_000,
            song_duration_ms=known["song_duration_ms"],
            reason_end="endplay",
        )
        producer.produce(topics.STREAM_EVENTS, key=known["user_id"], value=orjson.dumps(event))
    assert producer.flush(30) == 0


def _text(moment: datetime) -> str:
    return times.to_text(times.epoch_ms(moment))


@pytest.mark.usefixtures("still")
def test_my_listening_shows_an_imported_history_in_place_of_the_example(
    open_dashboard: OpenDashboard, platform: SecondPlatform
) -> None:
    ran = platform.run("import", f"FILE={SAMPLES / 'spotify_extended'}", "USER_NAME=Ada", "COUNTRY=GB")
    assert ran.returncode == 0, ran.stdout + ran.stderr

    def pages_of_ada() -> list[Dashboard]:
        # Superset keeps the answers of before for a minute.
        dashboard = open_dashboard("my-listening")
        shown = {(row[0], row[1]) for row in dashboard.rows("Whose history this is")}
        return [dashboard] if shown == {(identities.user_id("Ada"), "imported")} else []

    (dashboard,) = wait_until(pages_of_ada, LIVE_LIMIT_S, "Ada's history")
    assert dashboard.number("Playbacks") == 11
    assert "Lantern Street" in {cell for row in dashboard.rows("Top songs") for cell in row}
    assert dashboard.complaints == []


def test_pictures_of_every_dashboard_are_kept() -> None:
    kept = {file.stem for file in Path(CHECKOUT / "build" / "screenshots").glob("*.png")}

    assert kept >= set(NAMES)
