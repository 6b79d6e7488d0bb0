-- Ranked by streams; the previous range is the one of the same length just before, unless another is given.
CREATE FUNCTION analytics.top_content(
    content_type text,
    since date,
    until date,
    max_rows integer DEFAULT 10,
    previous_since date DEFAULT null,
    previous_until date DEFAULT null
)
RETURNS TABLE (
    rank bigint,
    content_id text,
    content_name text,
    artist_name text,
    plays bigint,
    streams bigint,
    completed bigint,
    skipped bigint,
    liked bigint,
    added_to_playlist bigint,
    minutes_played double precision,
    completion_rate double precision,
    skip_rate double precision,
    like_rate double precision,
    previous_streams bigint,
    previous_rank bigint,
    rank_change bigint,
    growth double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 10
BEGIN ATOMIC
    WITH now_sums AS (
        SELECT
            c.content_id,
            rollup.total(p.sign * c.plays) AS plays,
            rollup.total(p.sign * c.streams) AS streams,
            rollup.total(p.sign * c.completed) AS completed,
            rollup.total(p.sign * c.skipped) AS skipped,
            rollup.total(p.sign * c.liked) AS liked,
            rollup.total(p.sign * c.added_to_playlist) AS added_to_playlist,
            rollup.total(p.sign * c.ms_played) AS ms_played
        FROM rollup.periods(top_content.since, top_content.until) AS p
        INNER JOIN rollup.content AS c ON p.grain = c.grain AND p.period_start = c.period_start
        WHERE c.content_type = top_content.content_type
        GROUP BY c.content_id
        HAVING rollup.total(p.sign * c.plays) > 0
    ),

    top AS (
        SELECT
            n.*,
            row_number() OVER (ORDER BY n.streams DESC, n.ms_played DESC, n.content_id ASC) AS rank
        FROM now_sums AS n
        ORDER BY n.streams DESC, n.ms_played DESC, n.content_id ASC
        LIMIT top_content.max_rows
    ),

    before_sums AS (
        SELECT
            c.content_id,
            rollup.total(p.sign * c.streams) AS streams,
            row_number() OVER (
                ORDER BY
                    rollup.total(p.sign * c.streams) DESC,
                    rollup.total(p.sign * c.ms_played) DESC,
                    c.content_id ASC
            ) AS rank
        FROM
            rollup.periods(
                coalesce(top_content.previous_since, top_content.since - (top_content.until - top_content.since)),
                coalesce(top_content.previous_until, top_content.since)
            ) AS p
        INNER JOIN rollup.content AS c ON p.grain = c.grain AND p.period_start = c.period_start
        WHERE c.content_type = top_content.content_type
        GROUP BY c.content_id
        HAVING rollup.total(p.sign * c.plays) > 0
    )

    SELECT
        t.rank,
        t.content_id,
        coalesce(s.title, a.name, b.title, t.content_id) AS content_name,
        coalesce(a.name, sa.name, ba.name) AS artist_name,
        t.plays,
        t.streams,
        t.completed,
        t.skipped,
        t.liked,
        t.added_to_playlist,
        t.ms_played / 60000.0 AS minutes_played,
        t.completed::double precision / nullif(t.plays, 0) AS completion_rate,
        t.skipped::double precision / nullif(t.plays, 0) AS skip_rate,
        t.liked::double precision / nullif(t.plays, 0) AS like_rate,
        coalesce(o.streams, 0) AS previous_streams,
        o.rank AS previous_rank,
        o.rank - t.rank AS rank_change,
        (t.streams - o.streams)::double precision / nullif(o.streams, 0) AS growth
    FROM top AS t
    LEFT JOIN before_sums AS o ON t.content_id = o.content_id
    LEFT JOIN warehouse.songs AS s ON top_content.content_type = 'song' AND t.content_id = s.song_id
    LEFT JOIN warehouse.artists AS sa ON s.artist_id = sa.artist_id
    LEFT JOIN warehouse.artists AS a ON top_content.content_type = 'artist' AND t.content_id = a.artist_id
    LEFT JOIN warehouse.albums AS b ON top_content.content_type = 'album' AND t.content_id = b.album_id
    LEFT JOIN warehouse.artists AS ba ON b.artist_id = ba.artist_id
    WHERE rollup.is_known_word('content_type', top_content.content_type, ARRAY['song', 'artist', 'album', 'genre'])
    ORDER BY t.rank;
END;
