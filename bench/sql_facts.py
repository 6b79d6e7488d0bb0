"""Makes a warehouse full of facts inside PostgreSQL: 180 days, 50,000 listeners, 20,000 songs.

Songs are as popular as their rank says (Zipf's law with exponent 1), listeners are unequally active, three in
ten playbacks are skipped, most of these early. The ledger knows the facts, and so do the metrics of every
hour; the other metric families are made for the newest two days only, because no query of the library reads
older windows of them.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg2

DAYS, USERS, SONGS, ARTISTS, ALBUMS = 180, 50_000, 20_000, 2_000, 4_000
GENRES, DEVICES, PLACES = 20, 75_000, 500
_CONNECTIONS = 2

_DIMENSIONS = f"""
INSERT INTO warehouse.users (user_id, gender, country, location_id, subscription, birth_date, valid_from,
    valid_to, is_current)
SELECT 'user-' || n, (ARRAY['female', 'male', 'nonbinary', 'undisclosed'])[1 + n % 4], 'C' || n % 40,
    'location-' || n % {PLACES}, (ARRAY['free', 'premium', 'family', 'student'])[1 + (n / 7 + v) % 4],
    date '1950-01-01' + (n * 7919) % 21000,
    CASE v WHEN 0 THEN '-infinity' ELSE now() - interval '60 days' END,
    CASE WHEN v = 0 AND n % 5 = 0 THEN now() - interval '60 days' ELSE 'infinity' END, v = 1 OR n % 5 <> 0
FROM generate_series(0, {USERS} - 1) AS n CROSS JOIN generate_series(0, 1) AS v WHERE v = 0 OR n % 5 = 0;
INSERT INTO warehouse.artists (artist_id, name, genre)
SELECT 'artist-' || n, 'Artist ' || n, 'genre ' || n % {GENRES} FROM generate_series(0, {ARTISTS} - 1) AS n;
INSERT INTO warehouse.albums (album_id, title, artist_id)
SELECT 'album-' || n, 'Album ' || n, 'artist-' || n % {ARTISTS} FROM generate_series(0, {ALBUMS} - 1) AS n;
INSERT INTO warehouse.songs (song_id, title, artist_id, album_id, genre, duration_ms)
SELECT 'song-' || n, 'Song ' || n, 'artist-' || n % {ARTISTS}, 'album-' || n % {ALBUMS},
    'genre ' || n % {GENRES}, 120000 + (n * 7919) % 180000 FROM generate_series(0, {SONGS} - 1) AS n;
INSERT INTO warehouse.devices (device_id, user_id, device_type, platform)
SELECT 'device-' || n, 'user-' || n % {USERS},
    (ARRAY['phone', 'desktop', 'tablet', 'speaker', 'tv', 'car'])[1 + n % 6],
    (ARRAY['ios', 'android', 'windows', 'macos', 'web'])[1 + n % 5]
FROM generate_series(0, {DEVICES} - 1) AS n;
INSERT INTO warehouse.locations (location_id, city, region, country, latitude, longitude, time_zone)
SELECT 'location-' || n, 'City ' || n, 'R', 'C' || n % 40, n % 90, n % 180,
    (ARRAY['Europe/London', 'America/New_York', 'Asia/Tokyo', 'America/Sao_Paulo', 'Asia/Kolkata',
        'Europe/Berlin', 'America/Los_Angeles', 'Australia/Sydney'])[1 + n % 40 % 8]
FROM generate_series(0, {PLACES} - 1) AS n;
"""

# exp(random() * ln(N)) has rank k about as often as 1 / k. The sum of two random hours has a peak in the day.
_FACTS = f"""
INSERT INTO warehouse.stream_events (event_id, event_date, event_time, started_at, user_id, session_id,
    song_id, artist_id, album_id, device_id, location_id, genre, ms_played, song_duration_ms, reason_start,
    reason_end,
    skipped, shuffle, offline, liked, added_to_playlist, is_stream, is_completed, subscription, experiments,
    source, produced_at, kafka_partition, kafka_offset, kafka_timestamp, ingested_at)
SELECT uuidv7(p.at - clock_timestamp()), %(day)s, p.at, p.at - p.ms_played * interval '1 millisecond',
    'user-' || p.listener, 'session-' || p.listener || '-' || %(day)s, 'song-' || p.song,
    'artist-' || p.song %% {ARTISTS}, 'album-' || p.song %% {ALBUMS},
    'device-' || p.listener
        + CASE WHEN p.listener < {DEVICES - USERS} AND p.chance < 0.3 THEN {USERS} ELSE 0 END,
    'location-' || p.listener %% {PLACES}, 'genre ' || p.song %% {GENRES}, p.ms_played, p.duration,
    'clickrow',
    CASE WHEN p.skips THEN 'fwdbtn' ELSE 'trackdone' END, p.skips, false, false, p.chance < 0.04,
    p.chance > 0.98, p.ms_played >= 30000, p.ms_played >= 0.9 * p.duration, 'free', '{{}}', 'simulator', p.at,
    p.listener %% 10, row_number() OVER () + %(offset)s, p.at, %(ingested)s
FROM (
    SELECT d.*, CASE WHEN d.skips THEN least(-ln(1 - d.chance) * 25000, d.duration * 0.89)::bigint
        ELSE d.duration END AS ms_played
    FROM (
        SELECT %(day)s::date::timestamp AT TIME ZONE 'UTC'
                + least(r.time * 2 / 3 + r.more / 3, 0.999999) * interval '1 day' AS at,
            r.listener, r.song, 120000 + (r.song::bigint * 7919) %% 180000 AS duration,
            r.skips < 0.3 AS skips, r.chance
        FROM (
            SELECT (n + random()) / %(facts)s AS time, random() AS more, random() AS skips,
                random() AS chance,
                floor({USERS} * power(random(), 1.6))::int AS listener,
                least(floor(exp(random() * ln({SONGS}))), {SONGS} - 1)::int AS song
            FROM generate_series(0, %(facts)s - 1) AS n
        ) AS r
    ) AS d
) AS p
"""

_LEDGER = """
INSERT INTO ops.batches (query, run_id, batch_id, offsets, read, facts, duplicates, dimensions, dead_letters,
    late_events, unknown_fields, committed_at)
SELECT 'bench', gen_random_uuid(), count(*), '{}', count(*), count(*), 0, 0, 0, 0, 0, f.ingested_at
FROM warehouse.stream_events AS f GROUP BY f.ingested_at ORDER BY f.ingested_at;
INSERT INTO ops.watermarks
SELECT 'bench', max(event_time), max(event_time), now() FROM warehouse.stream_events;
"""

_SUMS = """count(*), count(*) FILTER (WHERE is_stream), count(*) FILTER (WHERE is_completed),
    count(*) FILTER (WHERE skipped), count(*) FILTER (WHERE liked), count(*) FILTER (WHERE added_to_playlist),
    sum(ms_played)"""


def _window(length: str) -> str:
    start = f"date_bin('{length}', event_time, 'epoch')"
    return f"{start}, {start} + interval '{length}'"


_NEWEST = "FROM warehouse.stream_events AS f WHERE event_date >= current_date - 1"
_METRICS = f"""
INSERT INTO metrics.hourly_sums
SELECT {_window("1 hour")}, {_SUMS}, 0, '', 0, '', now() FROM warehouse.stream_events GROUP BY 1;
INSERT INTO metrics.content_performance_sums
SELECT {_window("5 minutes")}, k.content_type, k.content_id, {_SUMS}, 0, '', now()
FROM warehouse.stream_events AS f
CROSS JOIN LATERAL (
    VALUES ('song', f.song_id), ('artist', f.artist_id), ('album', f.album_id), ('genre', f.genre)
) AS k (content_type, content_id)
WHERE f.event_date >= current_date - 1 GROUP BY 1, 2, 3, 4;
INSERT INTO metrics.user_engagement_sums
SELECT {_window("1 hour")}, user_id, {_SUMS}, 0, '', now() {_NEWEST} GROUP BY 1, 2, 3;
INSERT INTO metrics.device_sums
SELECT {_window("1 minute")}, device_id, {_SUMS}, now() {_NEWEST} GROUP BY 1, 2, 3;
INSERT INTO metrics.location_sums
SELECT {_window("1 minute")}, location_id, {_SUMS}, 0, '', 0, '', now() {_NEWEST} GROUP BY 1, 2, 3;
"""


def make(dsn: str, facts: int) -> dict[str, Any]:
    """Fill an empty warehouse, as its owner; what was made."""
    began = time.monotonic()
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(_DIMENSIONS)
        cursor.execute(
            """SELECT warehouse.ensure_stream_events_partitions(array_agg(current_date - n))
               FROM generate_series(0, %s) AS n""",
            [DAYS - 1],
        )
    failures: list[BaseException] = []

    def make_days(days: range) -> None:
        try:
            _make_days(dsn, days, facts // DAYS, began)
        except psycopg2.Error as error:
            failures.append(error)

    threads = [
        threading.Thread(target=make_days, args=(range(number, DAYS, _CONNECTIONS),))
        for number in range(_CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        print(f"{time.monotonic() - began:5.0f} s  the ledger and the metrics", flush=True)
        cursor.execute(_LEDGER)
        cursor.execute(_METRICS)
    vacuum(dsn)
    seconds = round(time.monotonic() - began)
    return {"days": DAYS, "listeners": USERS, "songs": SONGS, "seconds to make": seconds}


def _make_days(dsn: str, days: range, facts: int, began: float) -> None:
    connection = psycopg2.connect(dsn)
    for done, number in enumerate(days):
        with connection, connection.cursor() as cursor:
            # Ten days are a batch of the ledger, so that the rollups have steps to take.
            cursor.execute(
                """SELECT current_date - %s,
                       date_trunc('day', now()) - interval '1 day' + %s * interval '1 minute'""",
                [DAYS - 1 - number, number // 10],
            )
            day, ingested = cursor.fetchone() or (None, None)
            cursor.execute(
                _FACTS, {"day": day, "facts": facts, "offset": number * facts, "ingested": ingested}
            )
        if done % 10 == 9:
            print(f"{time.monotonic() - began:5.0f} s  day {number + 1} of {DAYS}", flush=True)
    connection.close()


def vacuum(dsn: str) -> None:
    """What autovacuum does in time: statistics and visibility."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    connection.close()
