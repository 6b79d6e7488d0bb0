-- Adds the difference that the changed months of listeners make to the cohorts. A listener whose first month has
-- changed goes to another cohort with all months.
CREATE FUNCTION rollup.count_cohorts() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    WITH cohorts AS (
        SELECT
            s.user_id, s.cohort_month AS cohort_before, (
                SELECT date_trunc('month', min(d.day)::timestamp)::date FROM rollup.user_days AS d
                WHERE d.user_id = s.user_id
            ) AS cohort_after
        FROM rollup_spans AS s
    ), months AS (
        SELECT m.user_id, m.month, m.was_active, EXISTS (
            SELECT FROM rollup.user_days AS d
            WHERE d.user_id = m.user_id AND d.day >= m.month AND d.day < m.month + interval '1 month'
        ) AS is_active
        FROM rollup_months AS m
        UNION ALL
        SELECT DISTINCT d.user_id, date_trunc('month', d.day::timestamp)::date, true, true
        FROM cohorts AS c
        JOIN rollup.user_days AS d ON d.user_id = c.user_id
        LEFT JOIN rollup_months AS m ON m.user_id = d.user_id AND m.month = date_trunc('month', d.day::timestamp)::date
        WHERE c.cohort_before IS DISTINCT FROM c.cohort_after AND m.user_id IS NULL
    )
    INSERT INTO rollup.cohorts AS r (cohort_month, month, listeners)
    SELECT side.cohort_month, m.month, sum(side.sign)
    FROM months AS m
    JOIN cohorts AS c ON c.user_id = m.user_id
    CROSS JOIN LATERAL (
        VALUES (-1, c.cohort_before, m.was_active), (1, c.cohort_after, m.is_active)
    ) AS side (sign, cohort_month, counts)
    WHERE side.counts
    GROUP BY 1, 2 HAVING sum(side.sign) <> 0
    ON CONFLICT (cohort_month, month) DO UPDATE SET listeners = r.listeners + excluded.listeners;

    -- What is gone leaves no row behind.
    DELETE FROM rollup.cohorts AS r WHERE r.listeners = 0;
END
$$;
