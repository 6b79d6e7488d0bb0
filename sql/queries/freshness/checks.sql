-- Rows that must not exist.
SELECT f.counted_until
FROM analytics.freshness AS f
WHERE f.facts_not_counted < 0;
