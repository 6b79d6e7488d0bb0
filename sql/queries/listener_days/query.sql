-- One listener over time: always with a condition on user_id.
CREATE VIEW analytics.listener_days AS
SELECT
    d.user_id,
    d.day,
    d.plays,
    coalesce(s.streams, 0)::bigint AS streams,
    coalesce(s.completed, 0)::bigint AS completed,
    coalesce(s.skipped, 0)::bigint AS skipped,
    coalesce(s.liked, 0)::bigint AS liked,
    coalesce(s.ms_played, 0)::bigint AS ms_played,
    coalesce(s.ms_played, 0) / 60000.0 AS minutes_played,
    d.streak_days,
    CASE
        WHEN d.previous_day = '-infinity' THEN 'new'
        WHEN d.previous_day >= d.day - 28 THEN 'returning'
        ELSE 'resurrected'
    END AS lifecycle,
    coalesce(f.first_listens, 0) AS first_listens
FROM rollup.user_days AS d
LEFT JOIN LATERAL (
    SELECT
        sum(r.streams) AS streams,
        sum(r.completed) AS completed,
        sum(r.skipped) AS skipped,
        sum(r.liked) AS liked,
        sum(r.ms_played) AS ms_played
    FROM warehouse.users AS u
    INNER JOIN rollup.listeners AS r ON u.user_key = r.user_key
    WHERE u.user_id = d.user_id AND r.grain = 'day' AND r.period_start = d.day
) AS s ON true
LEFT JOIN (
    SELECT
        l.user_id,
        (l.first_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS first_listens
    FROM rollup.first_listens AS l
    GROUP BY 1, 2
) AS f ON d.user_id = f.user_id AND d.day = f.day;
