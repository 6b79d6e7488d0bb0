-- Every playback of the listener whose history is shown, in the local time of the place where it was heard.
CREATE VIEW analytics.my_listening AS
-- Each name is tried once, and not with every playback.
WITH zones AS MATERIALIZED (
    SELECT
        n.time_zone AS name,
        rollup.usable_time_zone(n.time_zone) AS usable_name
    FROM (SELECT DISTINCT l.time_zone FROM warehouse.locations AS l) AS n
)

SELECT
    f.event_time,
    f.user_id,
    CASE WHEN l.is_imported THEN 'imported' ELSE 'an example' END AS history,
    f.song,
    f.artist,
    f.album,
    f.genre,
    f.platform,
    f.country,
    f.ms_played,
    f.is_stream,
    f.is_completed,
    f.skipped,
    f.shuffle,
    f.reason_start,
    f.reason_end,
    c.at::date AS local_day,
    to_char(c.at, 'HH24') AS local_hour,
    to_char(c.at, 'ID Dy') AS local_weekday,
    date_trunc('month', c.at)::date AS local_month,
    to_char(c.at, 'YYYY') AS local_year
FROM analytics.my_listener AS l
INNER JOIN analytics.stream_events AS f ON l.user_id = f.user_id
LEFT JOIN zones AS z ON f.time_zone = z.name
CROSS JOIN LATERAL (SELECT f.event_time AT TIME ZONE coalesce(z.usable_name, 'UTC') AS at) AS c;
