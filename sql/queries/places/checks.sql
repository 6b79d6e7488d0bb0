-- Rows that must not exist.
WITH totals AS (
    SELECT
        (SELECT sum(c.plays) FROM analytics.places(current_date - 29, current_date + 1, 'city') AS c) AS cities,
        (SELECT sum(c.plays) FROM analytics.places(current_date - 29, current_date + 1, 'country') AS c) AS countries
)

SELECT
    t.cities,
    t.countries
FROM totals AS t
WHERE t.cities <> t.countries;
