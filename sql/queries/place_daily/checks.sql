-- Rows that must not exist.
SELECT
    p.day,
    p.location_id
FROM analytics.place_daily AS p
WHERE p.latitude NOT BETWEEN -90 AND 90 OR p.longitude NOT BETWEEN -180 AND 180 OR p.streams > p.plays;
