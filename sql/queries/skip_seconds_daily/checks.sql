-- Rows that must not exist.
SELECT
    s.day,
    s.second
FROM analytics.skip_seconds_daily AS s
WHERE s.skipped > s.ended OR s.ended > s.still_playing OR s.skip_hazard NOT BETWEEN 0 AND 1;
