-- Rows that must not exist.
SELECT
    h.day,
    h.weekday,
    h.hour
FROM analytics.listening_hours_daily AS h
WHERE h.hour NOT BETWEEN 0 AND 23 OR h.weekday_name IS null;
