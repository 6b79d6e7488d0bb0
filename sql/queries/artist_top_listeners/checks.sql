-- Rows that must not exist.
SELECT a.user_id
FROM
    analytics.artist_top_listeners(
        (SELECT t.content_id FROM analytics.top_content_in('artist', 'all_time', 1) AS t)
    ) AS a
WHERE a.streams > a.plays OR a.rank > 10;
