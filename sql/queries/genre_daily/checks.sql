-- Rows that must not exist.
SELECT
    g.day,
    g.genre
FROM analytics.genre_daily AS g
WHERE g.completion_rate NOT BETWEEN 0 AND 1 OR g.skip_rate NOT BETWEEN 0 AND 1 OR g.like_rate NOT BETWEEN 0 AND 1;
