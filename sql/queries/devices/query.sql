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
    -- Of settled days the sets are stored, of the others they are made here.
    WITH days AS (
        SELECT s.* FROM rollup.device_sets AS s
        WHERE s.day >= devices.since AND s.day < devices.until
        UNION ALL
        SELECT s.* FROM rollup.unsettled_days AS u
        CROSS JOIN LATERAL rollup.device_sets_of(u.day) AS s
        WHERE u.day >= devices.since AND u.day < devices.until
    ),

    -- Bits of different blocks are different devices or listeners.
    blocks AS (
        SELECT
            d.device_type,
            d.platform,
            d.counted,
            bit_count(bit_or(d.members)) AS members,
            rollup.total(d.plays) AS plays,
            rollup.total(d.streams) AS streams,
            rollup.total(d.completed) AS completed,
            rollup.total(d.skipped) AS skipped,
            rollup.total(d.ms_played) AS ms_played
        FROM days AS d
        GROUP BY d.device_type, d.platform, d.counted, d.block
    ),

    groups AS (
        SELECT
            b.device_type,
            b.platform,
            coalesce(rollup.total(b.members) FILTER (WHERE b.counted = 'listeners'), 0) AS listeners,
            rollup.total(b.members) FILTER (WHERE b.counted = 'devices') AS devices,
            rollup.total(b.plays) AS plays,
            rollup.total(b.streams) AS streams,
            rollup.total(b.completed) AS completed,
            rollup.total(b.skipped) AS skipped,
            rollup.total(b.ms_played) AS ms_played
        FROM blocks AS b
        GROUP BY b.device_type, b.platform
    )

    SELECT
        g.device_type,
        g.platform,
        g.listeners,
        g.devices,
        g.plays,
        g.streams,
        g.ms_played / 60000.0 AS minutes_played,
        g.streams::double precision / nullif(sum(g.streams) OVER (), 0) AS share_of_streams,
        g.completed::double precision / nullif(g.plays, 0) AS completion_rate,
        g.skipped::double precision / nullif(g.plays, 0) AS skip_rate
    FROM groups AS g
    ORDER BY 6 DESC, 1 ASC, 2 ASC;
END;
