WITH sums AS (
    SELECT
        (m.window_start AT TIME ZONE 'UTC')::date AS day,
        'user' AS dimension,
        sum(m.plays) AS plays,
        sum(m.ms_played) AS ms_played
    FROM metrics.user_engagement AS m
    GROUP BY 1
    UNION ALL
    SELECT
        (m.window_start AT TIME ZONE 'UTC')::date AS day,
        'device' AS dimension,
        sum(m.plays) AS plays,
        sum(m.ms_played) AS ms_played
    FROM metrics.device AS m
    GROUP BY 1
    UNION ALL
    SELECT
        (m.window_start AT TIME ZONE 'UTC')::date AS day,
        'location' AS dimension,
        sum(m.plays) AS plays,
        sum(m.ms_played) AS ms_played
    FROM metrics.location AS m
    GROUP BY 1
    UNION ALL
    SELECT
        (m.window_start AT TIME ZONE 'UTC')::date AS day,
        m.content_type AS dimension,
        sum(m.plays) AS plays,
        sum(m.ms_played) AS ms_played
    FROM metrics.content_performance AS m
    GROUP BY 1, 2
),

totals AS (
    SELECT
        (m.window_start AT TIME ZONE 'UTC')::date AS day,
        sum(m.plays) AS plays,
        sum(m.ms_played) AS ms_played
    FROM metrics.hourly AS m
    GROUP BY 1
),

expected AS (
    SELECT
        t.day,
        d.dimension,
        t.plays,
        t.ms_played
    FROM totals AS t
    CROSS JOIN (
        VALUES ('user'), ('device'), ('location'), ('song'), ('artist'), ('album'), ('genre')
    ) AS d (dimension)
)

SELECT
    day,
    dimension,
    s.plays AS sum_of_plays,
    e.plays AS total_plays
FROM sums AS s
FULL JOIN expected AS e USING (day, dimension)
WHERE (s.plays, s.ms_played) IS DISTINCT FROM (e.plays, e.ms_played);
