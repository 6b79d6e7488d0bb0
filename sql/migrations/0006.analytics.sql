-- The stable interface: what people and dashboards query. Rates are quotients of sums, null where there
-- is nothing to divide by. No private column (name, e-mail, birth date) is shown here.
-- depends: 0002.dimensions 0003.stream-events 0004.metrics

CREATE VIEW analytics.user_engagement AS
SELECT
    m.window_start,
    m.window_end,
    m.user_id,
    u.subscription,
    u.country,
    u.gender,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.songs,
    m.completed::double precision / nullif(m.plays, 0) AS completion_rate,
    m.skipped::double precision / nullif(m.plays, 0) AS skip_rate,
    m.liked::double precision / nullif(m.plays, 0) AS like_rate,
    m.ms_played / 60000.0 AS minutes_played,
    m.is_final,
    m.updated_at
FROM metrics.user_engagement AS m
LEFT JOIN warehouse.users AS u
    ON u.user_id = m.user_id AND u.valid_from <= m.window_start AND m.window_start < u.valid_to;

CREATE VIEW analytics.content_performance AS
SELECT
    m.window_start,
    m.window_end,
    m.content_type,
    m.content_id,
    coalesce(s.title, ar.name, al.title, m.content_id) AS content_name,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.listeners,
    m.completed::double precision / nullif(m.plays, 0) AS completion_rate,
    m.skipped::double precision / nullif(m.plays, 0) AS skip_rate,
    m.liked::double precision / nullif(m.plays, 0) AS like_rate,
    m.streams::double precision / nullif(m.listeners, 0) AS streams_per_listener,
    m.ms_played / 60000.0 AS minutes_played,
    m.is_final,
    m.updated_at
FROM metrics.content_performance AS m
LEFT JOIN warehouse.songs AS s ON m.content_type = 'song' AND s.song_id = m.content_id
LEFT JOIN warehouse.artists AS ar ON m.content_type = 'artist' AND ar.artist_id = m.content_id
LEFT JOIN warehouse.albums AS al ON m.content_type = 'album' AND al.album_id = m.content_id;

CREATE VIEW analytics.device AS
SELECT
    m.window_start,
    m.window_end,
    m.device_id,
    d.device_type,
    d.platform,
    d.model,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.completed::double precision / nullif(m.plays, 0) AS completion_rate,
    m.skipped::double precision / nullif(m.plays, 0) AS skip_rate,
    m.ms_played / 60000.0 AS minutes_played,
    m.is_final,
    m.updated_at
FROM metrics.device AS m
LEFT JOIN warehouse.devices AS d ON d.device_id = m.device_id;

CREATE VIEW analytics.location AS
SELECT
    m.window_start,
    m.window_end,
    m.location_id,
    l.city,
    l.region,
    l.country,
    l.latitude,
    l.longitude,
    l.time_zone,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.listeners,
    m.songs,
    m.completed::double precision / nullif(m.plays, 0) AS completion_rate,
    m.skipped::double precision / nullif(m.plays, 0) AS skip_rate,
    m.ms_played / 60000.0 AS minutes_played,
    m.is_final,
    m.updated_at
FROM metrics.location AS m
LEFT JOIN warehouse.locations AS l ON l.location_id = m.location_id;

CREATE VIEW analytics.hourly AS
SELECT
    m.window_start,
    m.window_end,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.listeners,
    m.songs,
    m.completed::double precision / nullif(m.plays, 0) AS completion_rate,
    m.skipped::double precision / nullif(m.plays, 0) AS skip_rate,
    m.liked::double precision / nullif(m.plays, 0) AS like_rate,
    m.streams::double precision / nullif(m.listeners, 0) AS streams_per_listener,
    m.ms_played / 60000.0 AS minutes_played,
    m.is_final,
    m.updated_at
FROM metrics.hourly AS m;

CREATE VIEW analytics.stream_events AS
SELECT
    f.event_id,
    f.event_time,
    f.started_at,
    f.user_id,
    f.session_id,
    f.song_id,
    s.title AS song,
    f.artist_id,
    ar.name AS artist,
    f.album_id,
    al.title AS album,
    f.genre,
    f.device_id,
    d.device_type,
    d.platform,
    f.location_id,
    l.city,
    l.country,
    l.time_zone,
    f.ms_played,
    f.song_duration_ms,
    f.reason_start,
    f.reason_end,
    f.skipped,
    f.shuffle,
    f.offline,
    f.liked,
    f.added_to_playlist,
    f.is_stream,
    f.is_completed,
    f.subscription,
    f.experiments,
    f.source,
    f.ingested_at
FROM warehouse.stream_events AS f
LEFT JOIN warehouse.songs AS s ON s.song_id = f.song_id
LEFT JOIN warehouse.artists AS ar ON ar.artist_id = f.artist_id
LEFT JOIN warehouse.albums AS al ON al.album_id = f.album_id
LEFT JOIN warehouse.devices AS d ON d.device_id = f.device_id
LEFT JOIN warehouse.locations AS l ON l.location_id = f.location_id;
