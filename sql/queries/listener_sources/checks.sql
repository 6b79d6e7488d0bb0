-- Rows that must not exist: the listeners' sources have other plays than the genres of all days.
SELECT
    s.plays,
    g.plays AS plays_of_genres
FROM (SELECT sum(r.plays) AS plays FROM analytics.listener_sources AS r) AS s
CROSS JOIN (SELECT sum(r.plays) AS plays FROM analytics.genre_daily AS r) AS g
WHERE s.plays IS DISTINCT FROM g.plays;
