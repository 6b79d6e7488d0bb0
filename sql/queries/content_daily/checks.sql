-- Rows that must not exist.
SELECT
    c.day,
    c.content_type,
    c.content_id
FROM analytics.content_daily AS c
WHERE c.streams > c.plays OR c.completed > c.plays OR c.skipped > c.plays OR c.plays <= 0 OR c.ms_played < 0;
