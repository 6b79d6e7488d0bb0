CREATE FUNCTION analytics.devices(since date, until date)
RETURNS TABLE (
    device_type text,
    platform text,
    listeners bigint,
    devices bigint,
    plays bigint,
    streams bigint,
    minutes_played double precision,
    share_of_streams double precision,
    completion_rate double precision,
    skip_rate double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 30
BEGIN ATOMIC
    -- Sums can be added up from the groups of days at rest; who is counted once is looked up device by device.
    WITH members AS (
        SELECT
            d.user_id,
            d.device_type,
            d.platform,
            count(*) AS devices
        FROM warehouse.devices AS d
        WHERE
            EXISTS (
                SELECT FROM rollup.periods(devices.since, devices.until) AS p
                INNER JOIN rollup.devices AS r ON p.grain = r.grain AND p.period_start = r.period_start
                WHERE r.device_id = d.device_id
            )
        GROUP BY d.user_id, d.device_type, d.platform
    ),

    counts AS (
        SELECT
            coalesce(m.device_type, 'unknown') AS device_type,
            coalesce(m.platform, 'unknown') AS platform,
            count(m.user_id) AS listeners,
            rollup.total(m.devices) AS devices
        FROM members AS m
        GROUP BY 1, 2
    ),

    days AS (
        SELECT
            g.device_type,
            g.platform,
            g.plays,
            g.streams,
            g.completed,
            g.skipped,
            g.ms_played
        FROM rollup.device_groups AS g
        WHERE g.day >= devices.since AND g.day < devices.until
        UNION ALL
        SELECT
            coalesce(d.device_type, 'unknown') AS device_type,
            coalesce(d.platform, 'unknown') AS platform,
            rollup.total(r.plays) AS plays,
            rollup.total(r.streams) AS streams,
            rollup.total(r.completed) AS completed,
            rollup.total(r.skipped) AS skipped,
            rollup.total(r.ms_played) AS ms_played
        FROM rollup.unsettled_days AS n
        INNER JOIN rollup.devices AS r ON r.grain = 'day' AND n.day = r.period_start
        LEFT JOIN warehouse.devices AS d ON r.device_id = d.device_id
        WHERE n.day >= devices.since AND n.day < devices.until
        GROUP BY 1, 2
    ),

    sums AS (
        SELECT
            d.device_type,
            d.platform,
            rollup.total(d.plays) AS plays,
            rollup.total(d.streams) AS streams,
            rollup.total(d.completed) AS completed,
            rollup.total(d.skipped) AS skipped,
            rollup.total(d.ms_played) AS ms_played
        FROM days AS d
        GROUP BY d.device_type, d.platform
    )

    -- A device that has just become known may stand in its new group with what is counted and in its old one with sums,
    -- until the next refresh.
    SELECT
        device_type,
        platform,
        coalesce(c.listeners, 0) AS listeners,
        coalesce(c.devices, 0) AS devices,
        coalesce(s.plays, 0) AS plays,
        coalesce(s.streams, 0) AS streams,
        coalesce(s.ms_played, 0) / 60000.0 AS minutes_played,
        s.streams::double precision / nullif(sum(s.streams) OVER (), 0) AS share_of_streams,
        s.completed::double precision / nullif(s.plays, 0) AS completion_rate,
        s.skipped::double precision / nullif(s.plays, 0) AS skip_rate
    FROM counts AS c
    FULL JOIN sums AS s USING (device_type, platform)
    ORDER BY 6 DESC, 1 ASC, 2 ASC;
END;
