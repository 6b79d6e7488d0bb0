-- Rows that must not exist.
SELECT s.audience
FROM analytics.super_listeners(current_date - 29, current_date + 1) AS s
WHERE s.share_of_streams > 1 + 1e-9 OR s.streams_per_listener < 0;
