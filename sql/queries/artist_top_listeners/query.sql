-- Whole months, because an artist's listeners are kept by month: those that the range touches.
CREATE FUNCTION analytics.artist_top_listeners(
    artist_id text, since date DEFAULT '1970-01-01', until date DEFAULT 'infinity', max_rows integer DEFAULT 10
)
RETURNS TABLE (
    rank bigint,
    user_id text,
    plays bigint,
    streams bigint,
    minutes_played double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 10
BEGIN ATOMIC
    SELECT
        row_number() OVER (ORDER BY l.streams DESC, l.ms_played DESC, l.user_id ASC) AS rank,
        l.user_id,
        l.plays,
        l.streams,
        l.ms_played / 60000.0 AS minutes_played
    FROM (
        SELECT
            r.user_id,
            rollup.total(r.plays) AS plays,
            rollup.total(r.streams) AS streams,
            rollup.total(r.ms_played) AS ms_played
        FROM rollup.artist_listeners AS r
        WHERE
            r.artist_id = artist_top_listeners.artist_id
            AND r.month >= date_trunc('month', artist_top_listeners.since::timestamp)::date
            AND r.month < artist_top_listeners.until
        GROUP BY r.user_id
        ORDER BY 3 DESC, 4 DESC, 1 ASC
        LIMIT artist_top_listeners.max_rows
    ) AS l
    ORDER BY 1;
END;
