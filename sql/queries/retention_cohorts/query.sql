-- A cohort is the listeners whose first play is in a month; retention is the share that plays in the n-th month after
-- it.
CREATE VIEW analytics.retention_cohorts AS
SELECT
    c.cohort_month,
    c.month,
    (
        extract(YEAR FROM c.month) * 12 + extract(MONTH FROM c.month)
        - extract(YEAR FROM c.cohort_month) * 12 - extract(MONTH FROM c.cohort_month)
    )::integer AS months_later,
    o.listeners AS cohort_listeners,
    c.listeners,
    c.listeners::double precision / nullif(o.listeners, 0) AS retention
FROM rollup.cohorts AS c
INNER JOIN rollup.cohorts AS o ON c.cohort_month = o.cohort_month AND o.month = o.cohort_month
WHERE c.listeners > 0;
