-- Rows that must not exist.
SELECT s.second
FROM
    analytics.song_skips(
        (SELECT t.content_id FROM analytics.top_content_in('song', 'all_time', 1) AS t)
    ) AS s
WHERE s.skipped > s.ended OR s.ended > s.still_playing;
