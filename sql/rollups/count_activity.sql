-- Adds the difference that rollup_images makes to the counts of listeners per day.
CREATE FUNCTION rollup.count_activity() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup.activity AS r (
        day, active, new_listeners, returning_listeners, resurrected_listeners, entered_7, left_7, left_28
    )
    SELECT
        e.day, coalesce(sum(e.active), 0), coalesce(sum(e.new), 0), coalesce(sum(e.returned), 0),
        coalesce(sum(e.resurrected), 0), coalesce(sum(e.entered_7), 0), coalesce(sum(e.left_7), 0),
        coalesce(sum(e.left_28), 0)
    FROM (
        SELECT
            i.day, sum(i.sign) AS active,
            sum(i.sign) FILTER (WHERE i.previous_day = '-infinity') AS new,
            sum(i.sign) FILTER (WHERE i.previous_day >= i.day - 28) AS returned,
            sum(i.sign) FILTER (WHERE i.previous_day > '-infinity' AND i.previous_day < i.day - 28) AS resurrected,
            sum(i.sign) FILTER (WHERE i.previous_day < i.day - 7) AS entered_7, null::numeric AS left_7,
            null::numeric AS left_28
        FROM rollup_images AS i GROUP BY i.day
        UNION ALL
        SELECT i.day + 7, null, null, null, null, null, sum(i.sign), null
        FROM rollup_images AS i WHERE i.next_day > i.day + 7 GROUP BY i.day
        UNION ALL
        SELECT i.day + 28, null, null, null, null, null, null, sum(i.sign)
        FROM rollup_images AS i WHERE i.next_day > i.day + 28 GROUP BY i.day
    ) AS e (day, active, new, returned, resurrected, entered_7, left_7, left_28)
    GROUP BY e.day
    ON CONFLICT (day) DO UPDATE SET
        active = r.active + excluded.active, new_listeners = r.new_listeners + excluded.new_listeners,
        returning_listeners = r.returning_listeners + excluded.returning_listeners,
        resurrected_listeners = r.resurrected_listeners + excluded.resurrected_listeners,
        entered_7 = r.entered_7 + excluded.entered_7, left_7 = r.left_7 + excluded.left_7,
        left_28 = r.left_28 + excluded.left_28;

    -- What is gone leaves no row behind: a view must not begin with days on which nothing was played.
    DELETE FROM rollup.activity AS r
    WHERE (
        r.active, r.new_listeners, r.returning_listeners, r.resurrected_listeners, r.entered_7, r.left_7, r.left_28,
        r.first_listens
    ) = (0, 0, 0, 0, 0, 0, 0, 0);
END
$$;
