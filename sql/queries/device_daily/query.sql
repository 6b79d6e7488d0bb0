-- Settled days are stored, the others are counted anew.
CREATE VIEW analytics.device_daily AS
SELECT
    g.day,
    g.device_type,
    g.platform,
    g.listeners,
    g.devices,
    g.plays,
    g.streams,
    g.completed,
    g.skipped,
    g.liked,
    g.added_to_playlist,
    g.ms_played,
    g.ms_played / 60000.0 AS minutes_played,
    g.completed::double precision / nullif(g.plays, 0) AS completion_rate,
    g.skipped::double precision / nullif(g.plays, 0) AS skip_rate
FROM (
    SELECT
        s.day,
        s.device_type,
        s.platform,
        s.listeners,
        s.devices,
        s.plays,
        s.streams,
        s.completed,
        s.skipped,
        s.liked,
        s.added_to_playlist,
        s.ms_played
    FROM rollup.device_groups AS s
    UNION ALL
    SELECT
        u.day,
        c.device_type,
        c.platform,
        c.listeners,
        c.devices,
        c.plays,
        c.streams,
        c.completed,
        c.skipped,
        c.liked,
        c.added_to_playlist,
        c.ms_played
    FROM rollup.unsettled_days AS u
    CROSS JOIN LATERAL rollup.device_groups_of(u.day) AS c
) AS g;
