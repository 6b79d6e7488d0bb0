CREATE VIEW analytics.content_daily AS
SELECT
    c.period_start AS day,
    c.content_type,
    c.content_id,
    coalesce(s.title, a.name, b.title, c.content_id) AS content_name,
    coalesce(a.name, sa.name, ba.name) AS artist_name,
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
LEFT JOIN warehouse.songs AS s ON c.content_type = 'song' AND s.song_id = c.content_id
LEFT JOIN warehouse.artists AS sa ON sa.artist_id = s.artist_id
LEFT JOIN warehouse.artists AS a ON c.content_type = 'artist' AND a.artist_id = c.content_id
LEFT JOIN warehouse.albums AS b ON c.content_type = 'album' AND b.album_id = c.content_id
LEFT JOIN warehouse.artists AS ba ON ba.artist_id = b.artist_id
WHERE c.grain = 'day';
