-- Rows that must not exist: all songs together have other streams than all genres.
SELECT
    c.streams,
    g.streams AS streams_of_genres
FROM analytics.catalogue_share(current_date - 29, current_date + 1) AS c
CROSS JOIN (
    SELECT sum(p.streams) AS streams FROM analytics.genre_performance(current_date - 29, current_date + 1) AS p
) AS g
WHERE c.top_percent = 100 AND c.streams IS DISTINCT FROM g.streams;
