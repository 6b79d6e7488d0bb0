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
    SELECT s.* FROM rollup.device_groups AS s
    UNION ALL
    SELECT c.* FROM rollup.unsettled_days AS u
    CROSS JOIN LATERAL rollup.device_groups_of(u.day) AS c
) AS g;
