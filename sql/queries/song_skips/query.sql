-- Whole months, because a song's seconds are kept by month: those that the range touches.
CREATE FUNCTION analytics.song_skips(song_id text, since date DEFAULT '1970-01-01', until date DEFAULT 'infinity')
RETURNS TABLE (
    second integer,
    still_playing bigint,
    ended bigint,
    skipped bigint,
    share_still_playing double precision,
    skip_hazard double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 300
BEGIN ATOMIC
    SELECT
        s.second,
        s.still_playing::bigint AS still_playing,
        s.ended,
        s.skipped,
        s.still_playing::double precision / nullif(max(s.still_playing) OVER (), 0) AS share_still_playing,
        s.skipped::double precision / nullif(s.still_playing, 0) AS skip_hazard
    FROM (
        SELECT
            e.second,
            sum(e.plays)::bigint AS ended,
            sum(e.skipped)::bigint AS skipped,
            sum(sum(e.plays)) OVER (ORDER BY e.second DESC) AS still_playing
        FROM rollup.endings AS e
        WHERE
            e.song_id = song_skips.song_id
            AND e.month >= date_trunc('month', song_skips.since::timestamp)::date AND e.month < song_skips.until
        GROUP BY e.second
    ) AS s
    ORDER BY s.second;
END;
