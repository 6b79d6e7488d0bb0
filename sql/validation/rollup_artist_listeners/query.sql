WITH counted AS (
    SELECT s.ingested_until FROM rollup.state AS s
),

-- The newest month, and of its artists those with most plays: whoever is wrong there is wrong listener by listener.
newest AS (
    SELECT
        date_trunc('month', max(a.day)::timestamp)::date AS month,
        (date_trunc('month', max(a.day)::timestamp) + interval '1 month')::date AS next_month
    FROM rollup.activity AS a
    WHERE a.active > 0
),

artists AS (
    SELECT
        n.month,
        c.content_id AS artist_id
    FROM newest AS n
    INNER JOIN rollup.content AS c
        ON
            c.grain = 'day' AND c.content_type = 'artist'
            AND c.period_start >= n.month AND c.period_start < n.next_month
    GROUP BY 1, 2
    ORDER BY sum(c.plays) DESC, c.content_id ASC
    LIMIT 20
),

expected AS (
    SELECT
        date_trunc('month', f.event_date::timestamp)::date AS month,
        null::text AS artist_id,
        null::text AS user_id,
        count(*) AS plays,
        count(*) FILTER (WHERE f.is_stream) AS streams,
        sum(f.ms_played) AS ms_played
    FROM warehouse.stream_events AS f
    WHERE f.ingested_at <= (SELECT c.ingested_until FROM counted AS c)
    GROUP BY 1
    UNION ALL
    SELECT
        a.month,
        f.artist_id,
        f.user_id,
        count(*) AS plays,
        count(*) FILTER (WHERE f.is_stream) AS streams,
        sum(f.ms_played) AS ms_played
    FROM artists AS a
    INNER JOIN warehouse.stream_events AS f ON a.artist_id = f.artist_id
    WHERE
        f.event_date >= (SELECT n.month FROM newest AS n)
        AND f.event_date < (SELECT n.next_month FROM newest AS n)
        AND f.ingested_at <= (SELECT c.ingested_until FROM counted AS c)
    GROUP BY 1, 2, 3
),

stored AS (
    SELECT
        r.month,
        null::text AS artist_id,
        null::text AS user_id,
        sum(r.plays) AS plays,
        sum(r.streams) AS streams,
        sum(r.ms_played) AS ms_played
    FROM rollup.artist_listeners AS r
    GROUP BY 1
    UNION ALL
    SELECT
        r.month,
        r.artist_id,
        r.user_id,
        r.plays,
        r.streams,
        r.ms_played
    FROM artists AS a
    INNER JOIN rollup.artist_listeners AS r ON a.artist_id = r.artist_id AND a.month = r.month
)

SELECT
    coalesce(s.month, e.month) AS month,
    coalesce(s.artist_id, e.artist_id) AS artist_id,
    coalesce(s.user_id, e.user_id) AS user_id,
    s.plays AS rollup_plays,
    e.plays AS fact_plays
FROM stored AS s
FULL JOIN expected AS e
    ON
        s.month = e.month
        AND coalesce(s.artist_id, '') = coalesce(e.artist_id, '') AND coalesce(s.user_id, '') = coalesce(e.user_id, '')
WHERE (s.plays, s.streams, s.ms_played) IS DISTINCT FROM (e.plays, e.streams, e.ms_played);
