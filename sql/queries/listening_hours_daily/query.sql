CREATE VIEW analytics.listening_hours_daily AS
SELECT
    r.period_start AS day,
    r.country,
    r.time_zone,
    r.weekday,
    (ARRAY['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])[r.weekday] AS weekday_name,
    r.hour,
    r.plays,
    r.streams,
    r.completed,
    r.skipped,
    r.liked,
    r.added_to_playlist,
    r.ms_played,
    r.ms_played / 60000.0 AS minutes_played
FROM rollup.local_hours AS r
WHERE r.grain = 'day';
