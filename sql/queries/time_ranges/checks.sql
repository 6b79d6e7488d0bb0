-- Rows that must not exist.
SELECT r.range_name
FROM analytics.time_ranges AS r
WHERE
    r.since >= r.until
    OR r.previous_since > r.previous_until
    OR r.previous_until > r.since
    OR r.is_complete AND r.until > (now() AT TIME ZONE 'UTC')::date;
