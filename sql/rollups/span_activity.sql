-- Finds what the days that listeners get or lose (rollup_pairs) reach, before they are stored:
--   rollup_spans   from the last active day before them to the end of the run that follows them, and the first month;
--   rollup_months  their months, and whether the listener was active in them;
--   rollup_days    the days of the spans as they will be.
CREATE FUNCTION rollup.span_activity() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMPORARY TABLE rollup_spans ON COMMIT DROP AS
    SELECT
        t.user_id,
        coalesce(
            (SELECT max(d.day) FROM rollup.user_days AS d WHERE d.user_id = t.user_id AND d.day < t.first_day),
            '-infinity'
        ) AS since,
        coalesce(
            (
                SELECT min(d.day) FROM rollup.user_days AS d
                WHERE d.user_id = t.user_id AND d.day > t.last_day AND d.next_day > d.day + 1
            ), 'infinity'
        ) AS until,
        (
            SELECT date_trunc('month', min(d.day)::timestamp)::date FROM rollup.user_days AS d
            WHERE d.user_id = t.user_id
        ) AS cohort_month
    FROM (
        SELECT user_id, min(day) AS first_day, max(day) AS last_day FROM rollup_pairs WHERE is_new OR plays = 0
        GROUP BY user_id
    ) AS t;
    ANALYZE rollup_spans;

    CREATE TEMPORARY TABLE rollup_months ON COMMIT DROP AS
    SELECT m.user_id, m.month, EXISTS (
        SELECT FROM rollup.user_days AS d
        WHERE d.user_id = m.user_id AND d.day >= m.month AND d.day < m.month + interval '1 month'
    ) AS was_active
    FROM (
        SELECT DISTINCT user_id, date_trunc('month', day::timestamp)::date AS month
        FROM rollup_pairs WHERE is_new OR plays = 0
    ) AS m;
    ANALYZE rollup_months;

    CREATE TEMPORARY TABLE rollup_days ON COMMIT DROP AS
    WITH remaining AS (
        SELECT d.*, false AS is_new, s.since, s.until
        FROM rollup_spans AS s
        JOIN rollup.user_days AS d ON d.user_id = s.user_id AND d.day BETWEEN s.since AND s.until
        LEFT JOIN rollup_pairs AS p ON p.user_id = d.user_id AND p.day = d.day AND p.plays = 0
        WHERE p.user_id IS NULL
        UNION ALL
        SELECT user_id, day, plays, null, null, null, true, null, null FROM rollup_pairs WHERE is_new
    )
    SELECT
        r.user_id, r.day, r.plays, r.is_new,
        coalesce(
            lag(r.day) OVER of_user, CASE WHEN r.day = r.since THEN r.previous_day END, '-infinity'
        ) AS previous_day,
        coalesce(lead(r.day) OVER of_user, CASE WHEN r.day = r.until THEN r.next_day END, 'infinity') AS next_day,
        -- The first run may have begun before the span.
        (
            row_number() OVER (PARTITION BY r.user_id, r.run ORDER BY r.day)
            + coalesce(max(r.streak_days - 1) FILTER (WHERE r.day = r.since) OVER (PARTITION BY r.user_id, r.run), 0)
        )::integer AS streak_days
    FROM (
        SELECT *, day - (row_number() OVER (PARTITION BY user_id ORDER BY day))::integer AS run FROM remaining
    ) AS r
    WINDOW of_user AS (PARTITION BY r.user_id ORDER BY r.day);
    ANALYZE rollup_days;
END
$$;
