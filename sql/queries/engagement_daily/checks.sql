-- Rows that must not exist.
SELECT
    e.day,
    e.country
FROM analytics.engagement_daily AS e
WHERE e.listeners <= 0 OR e.streams > e.plays OR e.completion_rate > 1;
