-- Rows that must not exist.
SELECT t.content_id
FROM analytics.trending('song', 20) AS t
WHERE t.score <= 0 OR t.streams <= 0;
