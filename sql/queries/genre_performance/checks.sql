-- Rows that must not exist: the genres have other plays than the places where they were played.
SELECT
    g.plays,
    p.plays AS plays_of_places
FROM (SELECT sum(r.plays) AS plays FROM analytics.genre_performance(current_date - 29, current_date + 1) AS r) AS g
CROSS JOIN (SELECT sum(r.plays) AS plays FROM analytics.places(current_date - 29, current_date + 1) AS r) AS p
WHERE g.plays IS DISTINCT FROM p.plays;
