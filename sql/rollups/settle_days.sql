-- Takes away the groups of days that this refresh (rollup_changes) touched, and stores those of days that are over and
-- at rest, newest first: as many days as have max_listeners active listeners, the others at the next refreshes.
CREATE FUNCTION rollup.settle_days(sealed_until date, max_listeners bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    days date[];
BEGIN
    CREATE TEMPORARY TABLE rollup_touched_days ON COMMIT DROP AS
    SELECT DISTINCT day FROM rollup_changes
    UNION
    SELECT a.day FROM rollup.activity AS a
    WHERE NOT EXISTS (SELECT FROM rollup.unsettled_days AS u WHERE u.day = a.day) AND (
        EXISTS (
            SELECT FROM rollup.regrouped_users AS k
            JOIN rollup.listeners AS r ON r.grain = 'day' AND r.period_start = a.day AND r.user_key = k.user_key
        ) OR EXISTS (
            SELECT FROM rollup.regrouped_devices AS k
            JOIN rollup.devices AS r ON r.grain = 'day' AND r.period_start = a.day AND r.device_id = k.device_id
        )
    );
    DELETE FROM rollup.regrouped_users;
    DELETE FROM rollup.regrouped_devices;

    WITH unsettled AS (
        INSERT INTO rollup.unsettled_days (day) SELECT day FROM rollup_touched_days ON CONFLICT DO NOTHING RETURNING day
    ), listeners AS (
        DELETE FROM rollup.listener_groups AS g USING unsettled AS u WHERE g.day = u.day
    )
    DELETE FROM rollup.device_groups AS g USING unsettled AS u WHERE g.day = u.day;

    SELECT array_agg(s.day) INTO days
    FROM (
        SELECT u.day, coalesce(sum(a.active) OVER (
            ORDER BY u.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS newer_listeners
        FROM rollup.unsettled_days AS u LEFT JOIN rollup.activity AS a ON a.day = u.day
        WHERE u.day < sealed_until AND NOT EXISTS (SELECT FROM rollup_touched_days AS t WHERE t.day = u.day)
    ) AS s
    WHERE s.newer_listeners < max_listeners;
    DROP TABLE rollup_touched_days;
    INSERT INTO rollup.listener_groups
    SELECT g.* FROM unnest(days) AS d (day) CROSS JOIN LATERAL rollup.listener_groups_of(d.day) AS g;
    INSERT INTO rollup.device_groups
    SELECT g.* FROM unnest(days) AS d (day) CROSS JOIN LATERAL rollup.device_groups_of(d.day) AS g;
    DELETE FROM rollup.unsettled_days AS u WHERE u.day = ANY (days);
END
$$;
