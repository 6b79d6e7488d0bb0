-- The fewest rollup periods that make up the days from since to before until: a range of months reads a few rows per
-- key, not one per day. A longer period that is not over counts up to rollup.state.sealed_until; its newest days follow
-- one by one.
CREATE FUNCTION rollup.periods(since date, until date)
RETURNS TABLE (grain rollup.grain, period_start date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 20
BEGIN ATOMIC
    WITH bounds AS (
        SELECT
            greatest(since, (SELECT min(a.day) FROM rollup.activity AS a)) AS first_day,
            least(until, (SELECT max(a.day) + 1 FROM rollup.activity AS a)) AS end_day,
            s.sealed_until
        FROM rollup.state AS s
    )

    SELECT DISTINCT
        chosen.grain,
        chosen.period_start
    FROM bounds AS b
    CROSS JOIN LATERAL generate_series(b.first_day::timestamp, b.end_day - 1, interval '1 day') AS d (at)
    CROSS JOIN LATERAL (
        SELECT
            p.grain,
            p.period_start
        FROM rollup.periods_of(d.at::date) AS p
        WHERE
            p.grain = 'day'
            OR (
                d.at::date < b.sealed_until
                AND p.period_start >= b.first_day
                AND least(p.period_end, b.sealed_until) <= b.end_day
            )
        ORDER BY p.grain DESC
        LIMIT 1
    ) AS chosen;
END;
