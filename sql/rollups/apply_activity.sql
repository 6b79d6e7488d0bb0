-- Brings rollup.user_days up to date, and with it what is counted from it. A day that a listener gets or loses changes
-- no more than its neighbours and the run of days that it joins or breaks: these are taken out of the counts as they
-- were and put in again as they are, however long the listener's history.
CREATE FUNCTION rollup.apply_activity() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup.listener_sources AS r (user_id, source, plays)
    SELECT user_id, source, sum(sign) FROM rollup_changes WHERE scope IS NULL
    GROUP BY 1, 2 HAVING sum(sign) <> 0
    ON CONFLICT (source, user_id) DO UPDATE SET plays = r.plays + excluded.plays;

    CREATE TEMPORARY TABLE rollup_pairs ON COMMIT DROP AS
    SELECT user_id, day, coalesce(d.plays, 0) + p.plays AS plays, d.plays IS NULL AS is_new
    FROM (
        SELECT user_id, day, sum(sign) AS plays FROM rollup_changes WHERE scope IS NULL
        GROUP BY 1, 2 HAVING sum(sign) <> 0
    ) AS p
    LEFT JOIN rollup.user_days AS d USING (user_id, day);
    ANALYZE rollup_pairs;
    UPDATE rollup.user_days AS r SET plays = p.plays FROM rollup_pairs AS p
    WHERE NOT p.is_new AND p.plays <> 0 AND r.user_id = p.user_id AND r.day = p.day;

    PERFORM rollup.span_activity();
    CREATE TEMPORARY TABLE rollup_images ON COMMIT DROP AS
    SELECT -1 AS sign, d.user_id, d.day, d.previous_day, d.next_day
    FROM rollup_spans AS s JOIN rollup.user_days AS d ON d.user_id = s.user_id AND d.day BETWEEN s.since AND s.until
    UNION ALL
    SELECT 1, user_id, day, previous_day, next_day FROM rollup_days;

    DELETE FROM rollup.user_days AS r USING rollup_pairs AS p
    WHERE p.plays = 0 AND NOT p.is_new AND r.user_id = p.user_id AND r.day = p.day;
    UPDATE rollup.user_days AS r
    SET previous_day = n.previous_day, next_day = n.next_day, streak_days = n.streak_days
    FROM rollup_days AS n
    WHERE NOT n.is_new AND r.user_id = n.user_id AND r.day = n.day
        AND (r.previous_day, r.next_day, r.streak_days) <> (n.previous_day, n.next_day, n.streak_days);
    INSERT INTO rollup.user_days (user_id, day, plays, previous_day, next_day, streak_days)
    SELECT user_id, day, plays, previous_day, next_day, streak_days FROM rollup_days WHERE is_new
    ORDER BY user_id, day;

    PERFORM rollup.count_activity();
    PERFORM rollup.count_cohorts();
    DROP TABLE rollup_pairs, rollup_spans, rollup_months, rollup_days, rollup_images;
END
$$;
