-- Rows that must not exist.
SELECT
    s.source,
    s.user_id
FROM analytics.listener_sources AS s
WHERE s.first_day > s.last_day OR s.plays < 1;
