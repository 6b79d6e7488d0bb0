-- Rows that must not exist.
SELECT t.content_id
FROM analytics.listener_top_content((SELECT s.user_id FROM analytics.streaks(1) AS s), 'song') AS t
WHERE t.streams > t.plays OR t.first_played_at > t.last_played_at;
