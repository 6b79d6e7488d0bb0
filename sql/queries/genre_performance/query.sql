CREATE FUNCTION analytics.genre_performance(since date, until date)
RETURNS TABLE (
    genre text,
    plays bigint,
    streams bigint,
    minutes_played double precision,
    share_of_streams double precision,
    completion_rate double precision,
    skip_rate double precision,
    like_rate double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 30
BEGIN ATOMIC
    SELECT
        c.content_id AS genre,
        sum(p.sign * c.plays)::bigint AS plays,
        sum(p.sign * c.streams)::bigint AS streams,
        sum(p.sign * c.ms_played) / 60000.0 AS minutes_played,
        sum(p.sign * c.streams)::double precision / nullif(sum(sum(p.sign * c.streams)) OVER (), 0) AS share_of_streams,
        sum(p.sign * c.completed)::double precision / nullif(sum(p.sign * c.plays), 0) AS completion_rate,
        sum(p.sign * c.skipped)::double precision / nullif(sum(p.sign * c.plays), 0) AS skip_rate,
        sum(p.sign * c.liked)::double precision / nullif(sum(p.sign * c.plays), 0) AS like_rate
    FROM rollup.periods(genre_performance.since, genre_performance.until) AS p
    INNER JOIN rollup.content AS c ON p.grain = c.grain AND p.period_start = c.period_start
    WHERE c.content_type = 'genre'
    GROUP BY c.content_id
    HAVING sum(p.sign * c.plays) > 0
    ORDER BY 3 DESC, 1 ASC;
END;
