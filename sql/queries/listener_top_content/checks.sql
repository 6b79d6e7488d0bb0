-- Rows that must not exist: a listener has fewer plays in the facts than were counted of the listener's days.
SELECT
    s.user_id,
    t.plays,
    d.plays AS counted_plays
FROM analytics.streaks(1) AS s
CROSS JOIN
    LATERAL (
        SELECT sum(r.plays) AS plays FROM analytics.listener_top_content(s.user_id, 'song', max_rows => 1000000) AS r
    ) AS t
CROSS JOIN
    LATERAL (
        SELECT sum(r.plays) AS plays FROM analytics.listener_days AS r
        WHERE r.user_id = s.user_id
    ) AS d
WHERE coalesce(t.plays, 0) < d.plays;
