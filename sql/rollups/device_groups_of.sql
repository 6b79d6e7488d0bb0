-- The kinds of device and platforms of one day, counted from rollup.devices.
CREATE FUNCTION rollup.device_groups_of(day date) RETURNS SETOF rollup.device_groups
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 30
BEGIN ATOMIC
    SELECT
        device_groups_of.day,
        g.device_type,
        g.platform,
        count(g.user_id) AS listeners,
        rollup.total(g.devices) AS devices,
        rollup.total(g.plays) AS plays,
        rollup.total(g.streams) AS streams,
        rollup.total(g.completed) AS completed,
        rollup.total(g.skipped) AS skipped,
        rollup.total(g.liked) AS liked,
        rollup.total(g.added_to_playlist) AS added_to_playlist,
        rollup.total(g.ms_played) AS ms_played
    -- One row per listener first: hashing twice is faster than sorting for count(DISTINCT).
    FROM (
        SELECT
            d.user_id,
            coalesce(d.device_type, 'unknown') AS device_type,
            coalesce(d.platform, 'unknown') AS platform,
            count(*) AS devices,
            rollup.total(r.plays) AS plays,
            rollup.total(r.streams) AS streams,
            rollup.total(r.completed) AS completed,
            rollup.total(r.skipped) AS skipped,
            rollup.total(r.liked) AS liked,
            rollup.total(r.added_to_playlist) AS added_to_playlist,
            rollup.total(r.ms_played) AS ms_played
        FROM rollup.devices AS r
        LEFT JOIN warehouse.devices AS d ON r.device_id = d.device_id
        WHERE r.grain = 'day' AND r.period_start = device_groups_of.day
        GROUP BY 1, 2, 3
    ) AS g
    GROUP BY g.device_type, g.platform;
END;
