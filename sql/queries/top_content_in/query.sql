-- The same for a range by its name in analytics.time_ranges.
CREATE FUNCTION analytics.top_content_in(content_type text, range_name text, max_rows integer DEFAULT 10)
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
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 10
BEGIN ATOMIC
    SELECT
        t.rank,
        t.content_id,
        t.content_name,
        t.artist_name,
        t.plays,
        t.streams,
        t.completed,
        t.skipped,
        t.liked,
        t.added_to_playlist,
        t.minutes_played,
        t.completion_rate,
        t.skip_rate,
        t.like_rate,
        t.previous_streams,
        t.previous_rank,
        t.rank_change,
        t.growth
    FROM analytics.time_ranges AS r
    CROSS JOIN
        LATERAL analytics.top_content(
            top_content_in.content_type, r.since, r.until, top_content_in.max_rows, r.previous_since, r.previous_until
        ) AS t
    WHERE
        r.range_name = top_content_in.range_name
        AND rollup.is_known_word(
            'range_name', top_content_in.range_name, ARRAY(SELECT k.range_name FROM analytics.time_ranges AS k)
        )
    ORDER BY t.rank;
END;
