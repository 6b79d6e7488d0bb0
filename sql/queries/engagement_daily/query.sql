-- Facts count for the version of the listener that was valid at their time, so a change of subscription splits a day.
-- Settled days are stored, the others are counted anew.
CREATE VIEW analytics.engagement_daily AS
SELECT
    g.day,
    g.age_group,
    g.gender,
    g.subscription,
    g.country,
    g.listeners,
    g.plays,
    g.streams,
    g.completed,
    g.skipped,
    g.liked,
    g.added_to_playlist,
    g.ms_played,
    g.ms_played / 60000.0 AS minutes_played,
    g.completed::double precision / nullif(g.plays, 0) AS completion_rate,
    g.skipped::double precision / nullif(g.plays, 0) AS skip_rate,
    g.liked::double precision / nullif(g.plays, 0) AS like_rate
FROM (
    SELECT s.* FROM rollup.listener_groups AS s
    UNION ALL
    SELECT c.* FROM rollup.unsettled_days AS u
    CROSS JOIN LATERAL rollup.listener_groups_of(u.day) AS c
) AS g;
