-- Rows that must not exist: a listener's plays of the artist are not those of the facts that are counted.
WITH top AS (
    SELECT t.content_id AS artist_id
    FROM analytics.top_content_in('artist', 'all_time', 1) AS t
)

SELECT
    a.user_id,
    a.plays,
    f.plays AS fact_plays
FROM top AS t
CROSS JOIN LATERAL analytics.artist_top_listeners(t.artist_id) AS a
CROSS JOIN
    LATERAL (
        SELECT count(*) AS plays
        FROM analytics.stream_events AS e
        WHERE
            e.user_id = a.user_id AND e.artist_id = t.artist_id
            AND e.ingested_at <= (SELECT s.counted_until FROM analytics.freshness AS s)
    ) AS f
WHERE a.streams > a.plays OR a.plays <> f.plays;
