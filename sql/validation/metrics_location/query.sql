WITH stored AS (
    SELECT
        (m.window_start AT TIME ZONE 'UTC')::date AS day,
        m.location_id AS id,
        sum(m.plays) AS plays,
        sum(m.streams) AS streams,
        sum(m.completed) AS completed,
        sum(m.skipped) AS skipped,
        sum(m.liked) AS liked,
        sum(m.added_to_playlist) AS added_to_playlist,
        sum(m.ms_played) AS ms_played
    FROM metrics.location AS m
    GROUP BY 1, 2
),

expected AS (
    SELECT
        f.event_date AS day,
        f.location_id AS id,
        count(*) AS plays,
        count(*) FILTER (WHERE f.is_stream) AS streams,
        count(*) FILTER (WHERE f.is_completed) AS completed,
        count(*) FILTER (WHERE f.skipped) AS skipped,
        count(*) FILTER (WHERE f.liked) AS liked,
        count(*) FILTER (WHERE f.added_to_playlist) AS added_to_playlist,
        sum(f.ms_played) AS ms_played
    FROM warehouse.stream_events AS f
    GROUP BY 1, 2
)

SELECT
    day,
    id,
    s.plays AS metric_plays,
    e.plays AS fact_plays,
    s.ms_played AS metric_ms_played,
    e.ms_played AS fact_ms_played
FROM stored AS s
FULL JOIN expected AS e USING (day, id)
WHERE
    (s.plays, s.streams, s.completed, s.skipped, s.liked, s.added_to_playlist, s.ms_played)
    IS DISTINCT FROM (e.plays, e.streams, e.completed, e.skipped, e.liked, e.added_to_playlist, e.ms_played);
