-- Rows that must not exist: cities or countries have other plays than the hours of the week.
WITH hours AS (
    SELECT sum(h.plays) AS plays
    FROM analytics.listening_hours(current_date - 29, current_date + 1) AS h
)

SELECT
    g.grouped_by,
    p.plays,
    h.plays AS plays_of_hours
FROM (VALUES ('city'), ('country')) AS g (grouped_by)
CROSS JOIN
    LATERAL (
        SELECT sum(r.plays) AS plays FROM analytics.places(current_date - 29, current_date + 1, g.grouped_by) AS r
    ) AS p
CROSS JOIN hours AS h
WHERE p.plays IS DISTINCT FROM h.plays;
