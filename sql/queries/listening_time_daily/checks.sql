-- Rows that must not exist.
SELECT t.day
FROM analytics.listening_time_daily AS t
WHERE t.discovery_rate NOT BETWEEN 0 AND 1 OR t.listeners > t.plays;
