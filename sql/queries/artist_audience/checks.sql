-- Rows that must not exist: an artist's listeners, who are kept apart, have other streams than the artist.
SELECT
    t.content_id,
    t.streams,
    a.streams AS streams_of_listeners
FROM analytics.top_content('artist', '1970-01-01', current_date + 2, 1) AS t
LEFT JOIN LATERAL analytics.artist_audience(t.content_id) AS a ON a.month IS null
WHERE t.streams IS DISTINCT FROM a.streams;
