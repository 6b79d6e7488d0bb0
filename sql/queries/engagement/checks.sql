-- Rows that must not exist.
WITH totals AS (
    SELECT
        g.grouped_by,
        sum(e.plays) AS plays
    FROM (VALUES ('age_group'), ('gender'), ('subscription'), ('country'), ('all')) AS g (grouped_by)
    CROSS JOIN LATERAL analytics.engagement(current_date - 29, current_date + 1, g.grouped_by) AS e
    GROUP BY g.grouped_by
)

SELECT count(DISTINCT t.plays) AS different_totals
FROM totals AS t
HAVING count(DISTINCT t.plays) > 1;
