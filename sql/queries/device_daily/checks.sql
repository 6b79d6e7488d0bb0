-- Rows that must not exist.
SELECT
    d.day,
    d.device_type
FROM analytics.device_daily AS d
WHERE d.listeners > d.devices OR d.streams > d.plays;
