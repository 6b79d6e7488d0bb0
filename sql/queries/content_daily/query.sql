CREATE VIEW analytics.content_daily AS
-- A branch for each kind: what is not asked for is not planned, and joined with no names.
WITH named AS (
    SELECT
        c.*,
        s.title AS content_name,
        a.name AS artist_name,
        s.genre
    FROM rollup.content AS c
    LEFT JOIN warehouse.songs AS s ON c.content_id = s.song_id
    LEFT JOIN warehouse.artists AS a ON s.artist_id = a.artist_id
    WHERE c.content_type = 'song'
    UNION ALL
    SELECT
        c.*,
        a.name AS content_name,
        a.name AS artist_name,
        a.genre
    FROM rollup.content AS c
    LEFT JOIN warehouse.artists AS a ON c.content_id = a.artist_id
    WHERE c.content_type = 'artist'
    UNION ALL
    SELECT
        c.*,
        b.title AS content_name,
        a.name AS artist_name,
        a.genre
    FROM rollup.content AS c
    LEFT JOIN warehouse.albums AS b ON c.content_id = b.album_id
    LEFT JOIN warehouse.artists AS a ON b.artist_id = a.artist_id
    WHERE c.content_type = 'album'
    UNION ALL
    SELECT
        c.*,
        c.content_id AS content_name,
        null::text AS artist_name,
        c.content_id AS genre
    FROM rollup.content AS c
    WHERE c.content_type = 'genre'
)

SELECT
    n.period_start AS day,
    n.content_type,
    n.content_id,
    coalesce(n.content_name, n.content_id) AS content_name,
    n.artist_name,
    coalesce(n.genre, 'unknown') AS genre,
    n.plays,
    n.streams,
    n.completed,
    n.skipped,
    n.liked,
    n.added_to_playlist,
    n.ms_played,
    n.ms_played / 60000.0 AS minutes_played,
    n.completed::double precision / nullif(n.plays, 0) AS completion_rate,
    n.skipped::double precision / nullif(n.plays, 0) AS skip_rate,
    n.liked::double precision / nullif(n.plays, 0) AS like_rate
FROM named AS n
WHERE n.grain = 'day';
