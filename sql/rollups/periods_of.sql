-- The four periods that a day belongs to: thirds of a month begin on its 1st, 11th and 21st.
CREATE FUNCTION rollup.periods_of(day date)
RETURNS TABLE (grain rollup.grain, period_start date, period_end date)
LANGUAGE sql IMMUTABLE ROWS 4
BEGIN ATOMIC
    WITH starts AS (
        SELECT
            day,
            date_trunc('month', day::timestamp)::date AS month,
            date_trunc('year', day::timestamp)::date AS year,
            least((extract(DAY FROM day)::integer - 1) / 10, 2) AS third
    )

    SELECT
        p.grain,
        p.period_start,
        p.period_end
    FROM starts AS s
    CROSS JOIN LATERAL (
        VALUES
        ('day'::rollup.grain, s.day, s.day + 1),
        (
            'ten_days', s.month + 10 * s.third,
            CASE WHEN s.third < 2 THEN s.month + 10 * s.third + 10 ELSE (s.month + interval '1 month')::date END
        ),
        ('month', s.month, (s.month + interval '1 month')::date),
        ('year', s.year, (s.year + interval '1 year')::date)
    ) AS p (grain, period_start, period_end);
END;
