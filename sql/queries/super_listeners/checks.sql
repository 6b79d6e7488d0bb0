-- Rows that must not exist: all listeners together have other streams than all genres.
SELECT
    s.streams,
    g.streams AS streams_of_genres
FROM analytics.super_listeners(current_date - 29, current_date + 1) AS s
CROSS JOIN (
    SELECT sum(r.streams) AS streams FROM analytics.genre_performance(current_date - 29, current_date + 1) AS r
) AS g
WHERE s.audience = 'all' AND s.streams IS DISTINCT FROM g.streams;
