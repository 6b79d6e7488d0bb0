-- Rows that must not exist.
SELECT
    d.user_id,
    d.day
FROM analytics.listener_days AS d
WHERE
    d.user_id = (SELECT s.user_id FROM analytics.streaks(1) AS s)
    AND (d.streams > d.plays OR d.first_listens > d.plays OR d.streak_days < 1);
