-- Rows that must not exist.
SELECT t.content_id
FROM analytics.top_content_in('artist', 'all_time', 100) AS t
GROUP BY t.content_id
HAVING count(*) > 1;
