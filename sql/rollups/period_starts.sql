-- The first days of the periods of a grain that begin from since, which is one of them, to before until.
CREATE FUNCTION rollup.period_starts(grain rollup.grain, since date, until date) RETURNS SETOF date
LANGUAGE sql IMMUTABLE ROWS 5
BEGIN ATOMIC
    WITH steps (step) AS (
        SELECT CASE grain WHEN 'year' THEN interval '1 year' WHEN 'month' THEN '1 month' ELSE '1 day' END
    )

    SELECT d.at::date
    FROM steps AS s
    CROSS JOIN LATERAL generate_series(since::timestamp, until - 1, s.step) AS d (at)
    WHERE grain <> 'ten_days' OR extract(DAY FROM d.at) IN (1, 11, 21);
END;
