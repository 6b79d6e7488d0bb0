-- Rows that must not exist.
SELECT sum(g.share_of_streams) AS total_share
FROM analytics.genre_performance(current_date - 29, current_date + 1) AS g
HAVING abs(sum(g.share_of_streams) - 1) > 1e-9;
