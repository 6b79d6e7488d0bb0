CREATE VIEW analytics.place_daily AS
SELECT
    r.period_start AS day,
    r.location_id,
    coalesce(l.city, 'unknown') AS city,
    coalesce(l.region, 'unknown') AS region,
    coalesce(l.country, 'unknown') AS country,
    l.latitude,
    l.longitude,
    r.plays,
    r.streams,
    r.completed,
    r.skipped,
    r.liked,
    r.added_to_playlist,
    r.ms_played,
    r.ms_played / 60000.0 AS minutes_played,
    r.completed::double precision / nullif(r.plays, 0) AS completion_rate,
    r.skipped::double precision / nullif(r.plays, 0) AS skip_rate
FROM rollup.locations AS r
LEFT JOIN warehouse.locations AS l ON r.location_id = l.location_id
WHERE r.grain = 'day';
