-- Rows that must not exist.
SELECT a.month
FROM
    analytics.artist_audience(
        (SELECT t.content_id FROM analytics.top_content_in('artist', 'all_time', 1) AS t)
    ) AS a
WHERE a.super_listeners > a.listeners OR a.share_of_super_listeners > 1;
