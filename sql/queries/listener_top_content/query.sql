-- Read from the facts of the one listener, by their index.
CREATE FUNCTION analytics.listener_top_content(
    user_id text,
    content_type text,
    since date DEFAULT '1970-01-01',
    until date DEFAULT 'infinity',
    max_rows integer DEFAULT 10
)
RETURNS TABLE (
    rank bigint,
    content_id text,
    content_name text,
    artist_name text,
    plays bigint,
    streams bigint,
    minutes_played double precision,
    first_played_at timestamptz,
    last_played_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 10
BEGIN ATOMIC
    WITH played AS (
        SELECT
            CASE listener_top_content.content_type
                WHEN 'song' THEN f.song_id
                WHEN 'artist' THEN f.artist_id
                WHEN 'album' THEN f.album_id
                WHEN 'genre' THEN f.genre
            END AS content_id,
            count(*) AS plays,
            count(*) FILTER (WHERE f.is_stream) AS streams,
            sum(f.ms_played) AS ms_played,
            min(f.event_time) AS first_played_at,
            max(f.event_time) AS last_played_at
        FROM warehouse.stream_events AS f
        WHERE
            f.user_id = listener_top_content.user_id
            AND f.event_date >= listener_top_content.since AND f.event_date < listener_top_content.until
        GROUP BY 1
    ),

    top AS (
        SELECT
            p.*,
            row_number() OVER (ORDER BY p.streams DESC, p.ms_played DESC, p.content_id ASC) AS rank
        FROM played AS p
        WHERE p.content_id IS NOT null
        ORDER BY p.streams DESC, p.ms_played DESC, p.content_id ASC
        LIMIT listener_top_content.max_rows
    )

    SELECT
        t.rank,
        t.content_id,
        coalesce(s.title, a.name, b.title, t.content_id) AS content_name,
        coalesce(a.name, sa.name, ba.name) AS artist_name,
        t.plays,
        t.streams,
        t.ms_played / 60000.0 AS minutes_played,
        t.first_played_at,
        t.last_played_at
    FROM top AS t
    LEFT JOIN warehouse.songs AS s ON listener_top_content.content_type = 'song' AND t.content_id = s.song_id
    LEFT JOIN warehouse.artists AS sa ON s.artist_id = sa.artist_id
    LEFT JOIN warehouse.artists AS a ON listener_top_content.content_type = 'artist' AND t.content_id = a.artist_id
    LEFT JOIN warehouse.albums AS b ON listener_top_content.content_type = 'album' AND t.content_id = b.album_id
    LEFT JOIN warehouse.artists AS ba ON b.artist_id = ba.artist_id
    WHERE
        rollup.is_known_word(
            'content_type', listener_top_content.content_type, ARRAY['song', 'artist', 'album', 'genre']
        )
    ORDER BY t.rank;
END;
