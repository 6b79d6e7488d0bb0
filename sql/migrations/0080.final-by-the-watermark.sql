-- Whether a window is final follows from the watermark: a column of it has every row written twice. The tables lose the
-- column and go on as <family>_sums; views of their former names derive it. Of a view all other columns can be
-- written as those of its table.
-- depends: 0006.analytics 0033.skip-scans 0060.dashboards

ALTER TABLE metrics.user_engagement RENAME TO user_engagement_sums;
ALTER TABLE metrics.content_performance RENAME TO content_performance_sums;
ALTER TABLE metrics.device RENAME TO device_sums;
ALTER TABLE metrics.location RENAME TO location_sums;
ALTER TABLE metrics.hourly RENAME TO hourly_sums;

CREATE VIEW metrics.user_engagement AS
SELECT
    m.window_start,
    m.window_end,
    m.user_id,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.songs,
    m.songs_sketch,
    coalesce(m.window_end <= (SELECT max(w.watermark) FROM ops.watermarks AS w), false) AS is_final,
    m.updated_at
FROM metrics.user_engagement_sums AS m;

CREATE VIEW metrics.content_performance AS
SELECT
    m.window_start,
    m.window_end,
    m.content_type,
    m.content_id,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.listeners,
    m.listeners_sketch,
    coalesce(m.window_end <= (SELECT max(w.watermark) FROM ops.watermarks AS w), false) AS is_final,
    m.updated_at
FROM metrics.content_performance_sums AS m;

CREATE VIEW metrics.device AS
SELECT
    m.window_start,
    m.window_end,
    m.device_id,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    coalesce(m.window_end <= (SELECT max(w.watermark) FROM ops.watermarks AS w), false) AS is_final,
    m.updated_at
FROM metrics.device_sums AS m;

CREATE VIEW metrics.location AS
SELECT
    m.window_start,
    m.window_end,
    m.location_id,
    m.plays,
    m.streams,
    m.completed,
    m.skipped,
    m.liked,
    m.added_to_playlist,
    m.ms_played,
    m.listeners,
    m.listeners_sketch,
    m.songs,
    m.songs_sketch,
    coalesce(m.window_end <= (SELECT max(w.watermark) FROM ops.watermarks AS w), false) AS is_final,
    m.updated_at
FROM metrics.location_sums AS m;

CREATE VIEW metrics.hourly AS
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
    m.listeners_sketch,
    m.songs,
    m.songs_sketch,
    coalesce(m.window_end <= (SELECT max(w.watermark) FROM ops.watermarks AS w), false) AS is_final,
    m.updated_at
FROM metrics.hourly_sums AS m;

CREATE OR REPLACE VIEW analytics.user_engagement AS
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

CREATE OR REPLACE VIEW analytics.content_performance AS
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

CREATE OR REPLACE VIEW analytics.device AS
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

CREATE OR REPLACE VIEW analytics.location AS
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

CREATE OR REPLACE VIEW analytics.hourly AS
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

ALTER TABLE metrics.user_engagement_sums DROP COLUMN is_final;
ALTER TABLE metrics.content_performance_sums DROP COLUMN is_final;
ALTER TABLE metrics.device_sums DROP COLUMN is_final;
ALTER TABLE metrics.location_sums DROP COLUMN is_final;
ALTER TABLE metrics.hourly_sums DROP COLUMN is_final;
