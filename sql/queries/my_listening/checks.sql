-- Rows that must not exist: the listener has fewer playbacks here than were counted of the listener's days.
SELECT
    m.plays,
    d.plays AS counted_plays
FROM (SELECT count(*) AS plays FROM analytics.my_listening) AS m
CROSS JOIN (
    SELECT sum(r.plays) AS plays
    FROM analytics.my_listener AS l
    INNER JOIN analytics.listener_days AS r ON l.user_id = r.user_id
) AS d
WHERE m.plays < d.plays;
