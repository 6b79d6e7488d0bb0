-- Rows that must not exist.
SELECT
    t.rank,
    t.content_id
FROM analytics.top_content('song', current_date - 29, current_date + 1, 100) AS t
WHERE t.streams > t.plays OR t.completion_rate > 1 OR t.skip_rate > 1 OR t.rank NOT BETWEEN 1 AND 100;
