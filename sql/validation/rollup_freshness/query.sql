SELECT
    f.facts_not_counted,
    f.behind,
    f.refreshed_at
FROM analytics.freshness AS f
WHERE f.behind > interval '60 seconds';
