-- Rows that must not exist.
SELECT d.device_type
FROM analytics.devices(current_date - 29, current_date + 1) AS d
WHERE d.listeners > d.devices OR d.completion_rate > 1 OR d.skip_rate > 1;
