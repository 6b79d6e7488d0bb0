WITH months AS (
    SELECT
        f.user_id,
        date_trunc('month', f.event_date::timestamp)::date AS month
    FROM warehouse.stream_events AS f
    WHERE f.ingested_at <= (SELECT s.ingested_until FROM rollup.state AS s)
    GROUP BY 1, 2
),

expected AS (
    SELECT
        m.cohort_month,
        m.month,
        count(*) AS listeners
    FROM (
        SELECT
            u.month,
            min(u.month) OVER (PARTITION BY u.user_id) AS cohort_month
        FROM months AS u
    ) AS m
    GROUP BY 1, 2
)

SELECT
    cohort_month,
    month,
    r.listeners AS rollup_listeners,
    e.listeners AS fact_listeners
FROM rollup.cohorts AS r
FULL JOIN expected AS e USING (cohort_month, month)
WHERE r.listeners IS DISTINCT FROM e.listeners;
