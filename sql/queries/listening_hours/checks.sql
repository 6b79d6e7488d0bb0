-- Rows that must not exist: the hours of the week have other plays than the genres that were played in them.
SELECT
    h.plays,
    g.plays AS plays_of_genres
FROM (SELECT sum(r.plays) AS plays FROM analytics.listening_hours(current_date - 29, current_date + 1) AS r) AS h
CROSS JOIN (
    SELECT sum(r.plays) AS plays FROM analytics.genre_performance(current_date - 29, current_date + 1) AS r
) AS g
WHERE h.plays IS DISTINCT FROM g.plays;
