-- The sets of the devices of one day, and what was played on them, and the sets of the listeners to whom they belong.
CREATE FUNCTION rollup.device_sets_of(day date) RETURNS SETOF rollup.device_sets
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 1000
BEGIN ATOMIC
    WITH used AS MATERIALIZED (
        SELECT
            coalesce(d.device_type, 'unknown') AS device_type,
            coalesce(d.platform, 'unknown') AS platform,
            n.number,
            o.number AS listener,
            r.plays,
            r.streams,
            r.completed,
            r.skipped,
            r.ms_played
        FROM rollup.devices AS r
        LEFT JOIN rollup.device_numbers AS n ON r.device_id = n.device_id
        LEFT JOIN warehouse.devices AS d ON r.device_id = d.device_id
        LEFT JOIN rollup.listener_numbers AS o ON d.user_id = o.user_id
        WHERE r.grain = 'day' AND r.period_start = device_sets_of.day
    )

    SELECT
        device_sets_of.day,
        u.device_type,
        u.platform,
        'devices' AS counted,
        coalesce(u.number, 0) / 4096 AS block,
        rollup.set_of(u.number % 4096, 1) AS members,
        rollup.total(u.plays) AS plays,
        rollup.total(u.streams) AS streams,
        rollup.total(u.completed) AS completed,
        rollup.total(u.skipped) AS skipped,
        rollup.total(u.ms_played) AS ms_played
    FROM used AS u
    GROUP BY u.device_type, u.platform, 5
    UNION ALL
    SELECT
        device_sets_of.day,
        u.device_type,
        u.platform,
        'listeners' AS counted,
        u.listener / 4096 AS block,
        rollup.set_of(u.listener % 4096, 1) AS members,
        0 AS plays,
        0 AS streams,
        0 AS completed,
        0 AS skipped,
        0 AS ms_played
    FROM used AS u
    WHERE u.listener IS NOT null
    GROUP BY u.device_type, u.platform, 5;
END;
