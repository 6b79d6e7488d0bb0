-- All pairs of listener and song are too many to be counted again: their sum, and those of a hundred listeners, whose
-- facts are found by an index.
WITH counted AS (
    SELECT s.ingested_until FROM rollup.state AS s
),

listeners AS (
    SELECT DISTINCT d.user_id
    FROM (
        SELECT u.user_id FROM rollup.user_days AS u
        ORDER BY u.day DESC, u.user_id DESC
        LIMIT 100
    ) AS d
),

expected AS (
    SELECT
        '' AS user_id,
        '' AS song_id,
        count(*) AS plays,
        null::timestamptz AS first_at
    FROM warehouse.stream_events AS f
    WHERE f.ingested_at <= (SELECT c.ingested_until FROM counted AS c)
    UNION ALL
    SELECT
        f.user_id,
        f.song_id,
        count(*) AS plays,
        min(f.event_time) AS first_at
    FROM listeners AS l
    INNER JOIN warehouse.stream_events AS f ON l.user_id = f.user_id
    WHERE f.ingested_at <= (SELECT c.ingested_until FROM counted AS c)
    GROUP BY 1, 2
),

stored AS (
    SELECT
        '' AS user_id,
        '' AS song_id,
        coalesce(sum(r.plays), 0) AS plays,
        null::timestamptz AS first_at
    FROM rollup.first_listens AS r
    UNION ALL
    SELECT
        r.user_id,
        r.song_id,
        r.plays,
        r.first_at
    FROM listeners AS l
    INNER JOIN rollup.first_listens AS r ON l.user_id = r.user_id
)

SELECT
    user_id,
    song_id,
    s.plays AS rollup_plays,
    e.plays AS fact_plays,
    s.first_at AS rollup_first_at,
    e.first_at AS fact_first_at
FROM stored AS s
FULL JOIN expected AS e USING (user_id, song_id)
WHERE (s.plays, s.first_at) IS DISTINCT FROM (e.plays, e.first_at);
