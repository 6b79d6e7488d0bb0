-- Rows that must not exist.
SELECT s.user_id
FROM analytics.streaks(100) AS s
WHERE s.days <> s.last_day - s.first_day + 1 OR s.days < 1;
