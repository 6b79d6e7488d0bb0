-- Rows that must not exist.
SELECT
    r.cohort_month,
    r.month
FROM analytics.retention_cohorts AS r
WHERE r.retention NOT BETWEEN 0 AND 1 OR r.months_later < 0 OR r.months_later = 0 AND r.retention <> 1;
