-- Rows that must not exist: more skips than ends at a second, or not as many still playing at first as the song has
-- plays.
SELECT
    t.content_id,
    t.plays,
    s.still_playing
FROM analytics.top_content('song', '1970-01-01', current_date + 2, 1) AS t
CROSS JOIN
    LATERAL (
        SELECT
            max(r.still_playing) AS still_playing,
            bool_or(r.skipped > r.ended) AS is_impossible
        FROM analytics.song_skips(t.content_id) AS r
    ) AS s
WHERE s.is_impossible OR t.plays IS DISTINCT FROM s.still_playing;
