-- Takes away the groups and sets of days that this refresh (rollup_changes) touched, and stores those of days that have
-- none, newest first: as many days as have max_listeners active listeners, the others at the next refreshes. Of days
-- that were touched just now, which may be again at once, as many as have a tenth of that: today, unless it has more.
CREATE FUNCTION rollup.settle_days(max_listeners bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    days date[];
BEGIN
    CREATE TEMPORARY TABLE rollup_touched_days ON COMMIT DROP AS
    SELECT DISTINCT day FROM rollup_changes
    UNION
    SELECT r.day FROM rollup.regrouped_days() AS r (day)
    WHERE NOT EXISTS (SELECT FROM rollup.unsettled_days AS u WHERE u.day = r.day);
    DELETE FROM rollup.regrouped_users;
    DELETE FROM rollup.regrouped_devices;

    WITH unsettled AS (
        INSERT INTO rollup.unsettled_days (day) SELECT day FROM rollup_touched_days ON CONFLICT DO NOTHING RETURNING day
    ), of_listeners AS (
        DELETE FROM rollup.listener_groups AS g USING unsettled AS u WHERE g.day = u.day
    ), listeners AS (
        DELETE FROM rollup.listener_sets AS s USING unsettled AS u WHERE s.day = u.day
    ), of_devices AS (
        DELETE FROM rollup.device_groups AS g USING unsettled AS u WHERE g.day = u.day
    )
    DELETE FROM rollup.device_sets AS s USING unsettled AS u WHERE s.day = u.day;

    SELECT array_agg(s.day) INTO days
    FROM (
        SELECT
            u.day, t.day IS NOT NULL AS is_touched, coalesce(a.active, 0) AS active,
            coalesce(sum(a.active) OVER (ORDER BY u.day DESC), 0) AS listeners
        FROM rollup.unsettled_days AS u
        LEFT JOIN rollup.activity AS a ON a.day = u.day
        LEFT JOIN rollup_touched_days AS t ON t.day = u.day
    ) AS s
    WHERE CASE WHEN s.is_touched THEN s.listeners <= max_listeners / 10 ELSE s.listeners - s.active < max_listeners END;
    DROP TABLE rollup_touched_days;
    INSERT INTO rollup.listener_groups
    SELECT g.* FROM unnest(days) AS d (day) CROSS JOIN LATERAL rollup.listener_groups_of(d.day) AS g;
    INSERT INTO rollup.listener_sets
    SELECT s.* FROM unnest(days) AS d (day)
    CROSS JOIN LATERAL rollup.listener_sets_of(d.day, rollup.listener_words()) AS s;
    INSERT INTO rollup.device_groups
    SELECT g.* FROM unnest(days) AS d (day) CROSS JOIN LATERAL rollup.device_groups_of(d.day) AS g;
    INSERT INTO rollup.device_sets
    SELECT s.* FROM unnest(days) AS d (day) CROSS JOIN LATERAL rollup.device_sets_of(d.day) AS s;
    DELETE FROM rollup.unsettled_days AS u WHERE u.day = ANY (days);
END
$$;
