-- Rows that must not exist: groups of listeners add up to other plays than the genres that they played.
WITH totals AS (
    SELECT
        g.grouped_by,
        sum(e.plays) AS plays
    FROM (VALUES ('age_group'), ('gender'), ('subscription'), ('country'), ('all')) AS g (grouped_by)
    CROSS JOIN LATERAL analytics.engagement(current_date - 29, current_date + 1, g.grouped_by) AS e
    GROUP BY g.grouped_by
)

SELECT
    t.grouped_by,
    t.plays,
    g.plays AS plays_of_genres
FROM totals AS t
CROSS JOIN (
    SELECT sum(p.plays) AS plays FROM analytics.genre_performance(current_date - 29, current_date + 1) AS p
) AS g
WHERE t.plays IS DISTINCT FROM g.plays;
