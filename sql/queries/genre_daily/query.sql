CREATE VIEW analytics.genre_daily AS
SELECT
    c.period_start AS day,
    c.content_id AS genre,
    c.plays,
    c.streams,
    c.completed,
    c.skipped,
    c.liked,
    c.added_to_playlist,
    c.ms_played,
    c.ms_played / 60000.0 AS minutes_played,
    c.completed::double precision / nullif(c.plays, 0) AS completion_rate,
    c.skipped::double precision / nullif(c.plays, 0) AS skip_rate,
    c.liked::double precision / nullif(c.plays, 0) AS like_rate
FROM rollup.content AS c
WHERE c.grain = 'day' AND c.content_type = 'genre';
