-- Rows that must not exist: the hours of a day have other plays than the genres of the day.
SELECT
    day,
    h.plays,
    g.plays AS plays_of_genres
FROM (
    SELECT
        r.day,
        sum(r.plays) AS plays
    FROM analytics.listening_hours_daily AS r
    WHERE r.day >= current_date - 29
    GROUP BY r.day
) AS h
FULL JOIN (
    SELECT
        r.day,
        sum(r.plays) AS plays
    FROM analytics.genre_daily AS r
    WHERE r.day >= current_date - 29
    GROUP BY r.day
) AS g USING (day)
WHERE h.plays IS DISTINCT FROM g.plays;
