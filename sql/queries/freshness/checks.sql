-- Rows that must not exist: the figures claim to be newer than the newest facts.
SELECT
    f.counted_until,
    f.newest_batch_at
FROM analytics.freshness AS f
WHERE f.counted_until > f.newest_batch_at;
