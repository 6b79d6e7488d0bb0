-- Rows that must not exist: a song has other streams in the windows of the hour than in the facts.
WITH hour AS (
    SELECT
        min(w.window_start) AS since,
        max(w.window_end) AS until
    FROM analytics.content_performance AS w
    WHERE w.content_type = 'song' AND w.window_start >= now() - interval '1 hour' AND w.window_start < now()
)

SELECT
    t.content_id,
    t.streams,
    f.streams AS fact_streams
FROM analytics.trending('song', 20) AS t
CROSS JOIN hour AS h
CROSS JOIN
    LATERAL (
        SELECT count(*) AS streams FROM analytics.stream_events AS e
        WHERE e.song_id = t.content_id AND e.is_stream AND e.event_time >= h.since AND e.event_time < h.until
    ) AS f
WHERE t.streams <> f.streams;
