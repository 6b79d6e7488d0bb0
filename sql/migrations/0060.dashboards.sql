-- What dashboards need beside the views of 0006: the pipeline's own state, one listener's history, and the values that
-- filters offer. And their role, which sees the schema analytics and nothing else; it is made when the server is
-- configured.
-- depends: 0005.ops 0006.analytics

GRANT USAGE ON SCHEMA analytics TO music_dashboards;
GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO music_dashboards;
ALTER DEFAULT PRIVILEGES IN SCHEMA analytics GRANT SELECT ON TABLES TO music_dashboards;

CREATE VIEW analytics.pipeline_progress AS
SELECT
    p.recorded_at,
    p.query,
    p.input_rows,
    coalesce(p.input_rows_per_second, 0) AS input_rows_per_second,
    coalesce(p.processed_rows_per_second, 0) AS processed_rows_per_second,
    p.batch_ms / 1000.0 AS batch_seconds,
    p.lag_records
FROM ops.progress AS p;
COMMENT ON VIEW analytics.pipeline_progress IS 'What the stream said of each of its triggers';

CREATE VIEW analytics.pipeline_batches AS
SELECT
    b.committed_at,
    b.read,
    b.facts,
    b.duplicates,
    b.dimensions,
    b.dead_letters,
    b.late_events,
    b.unknown_fields,
    b.watermark,
    extract(EPOCH FROM b.committed_at - b.watermark)::double precision AS watermark_delay_seconds
FROM ops.batches AS b;
COMMENT ON VIEW analytics.pipeline_batches IS 'What became of the records of each committed batch';

CREATE VIEW analytics.pipeline_partitions AS
SELECT
    p.topic,
    p.partition,
    p.read,
    p.facts,
    p.duplicates,
    p.dimensions,
    p.dead_letters,
    p.late_events,
    p.missing,
    p.read - p.facts - p.duplicates - p.dimensions - p.dead_letters AS unaccounted,
    p.updated_at
FROM ops.partitions AS p;
COMMENT ON VIEW analytics.pipeline_partitions IS
'What was read from each partition since the beginning, and what it became; unaccounted must be 0';

CREATE VIEW analytics.pipeline_health AS
SELECT
    h.last_batch_at,
    extract(EPOCH FROM now() - h.last_batch_at)::double precision AS seconds_since_batch,
    extract(EPOCH FROM now() - h.max_event_time)::double precision AS seconds_since_event,
    extract(EPOCH FROM now() - h.watermark)::double precision AS watermark_delay_seconds,
    h.lag_records,
    h.facts,
    h.dead_letters,
    h.late_events,
    h.missing,
    h.balanced
FROM ops.stream_health AS h;
COMMENT ON VIEW analytics.pipeline_health IS 'The state of the stream now: one row once it has run';

-- By minute: the records themselves may hold anything, and stay in ops.
CREATE VIEW analytics.dead_letters AS
SELECT
    date_trunc('minute', d.recorded_at) AS recorded_at,
    d.topic,
    d.reason,
    count(*) AS records
FROM ops.dead_letters AS d
GROUP BY date_trunc('minute', d.recorded_at), d.topic, d.reason
UNION ALL
-- Nothing wrong is an answer too: without this row it would look like a broken chart.
SELECT
    date_trunc('minute', now() - interval '1 minute') AS recorded_at,
    'none' AS topic,
    'none' AS reason,
    0 AS records;
COMMENT ON VIEW analytics.dead_letters IS 'Refused records by minute, topic and reason, and a row for "none"';

CREATE VIEW analytics.arrivals AS
SELECT
    f.event_time,
    f.produced_at,
    f.ingested_at,
    extract(EPOCH FROM f.ingested_at - f.produced_at)::double precision AS seconds_to_row,
    f.source
FROM warehouse.stream_events AS f;
COMMENT ON VIEW analytics.arrivals IS 'How long each playback took from its producer to its row';

-- Tiny where nothing was imported; finds whose history was without a look at anybody else's.
CREATE INDEX stream_events_imported ON warehouse.stream_events (user_id) WHERE source = 'import';

CREATE VIEW analytics.my_listener AS
WITH RECURSIVE imported AS (
    -- A step for each listener instead of a row for each playback.
    (
        SELECT f.user_id FROM warehouse.stream_events AS f
        WHERE f.source = 'import'
        ORDER BY f.user_id
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT f.user_id FROM warehouse.stream_events AS f
        WHERE f.source = 'import' AND f.user_id > i.user_id
        ORDER BY f.user_id
        LIMIT 1
    ) AS user_id
    FROM imported AS i
    WHERE i.user_id IS NOT NULL
)

SELECT
    i.user_id,
    TRUE AS is_imported
FROM imported AS i
WHERE i.user_id IS NOT NULL
UNION ALL
SELECT
    busiest.user_id,
    FALSE AS is_imported
FROM (
    SELECT m.user_id FROM metrics.user_engagement AS m
    WHERE m.window_start > now() - interval '1 day'
    GROUP BY m.user_id
    ORDER BY sum(m.ms_played) DESC, m.user_id
    LIMIT 1
) AS busiest
WHERE NOT EXISTS (
    SELECT FROM imported AS i
    WHERE i.user_id IS NOT NULL
);
COMMENT ON VIEW analytics.my_listener IS
'Whose history "My listening" shows: the listeners of imported histories, or else the busiest one of the last day';

CREATE VIEW analytics.my_listening AS
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
    (f.event_time AT TIME ZONE coalesce(f.time_zone, 'UTC'))::date AS local_day,
    to_char(f.event_time AT TIME ZONE coalesce(f.time_zone, 'UTC'), 'HH24') AS local_hour,
    to_char(f.event_time AT TIME ZONE coalesce(f.time_zone, 'UTC'), 'ID Dy') AS local_weekday,
    to_char(f.event_time AT TIME ZONE coalesce(f.time_zone, 'UTC'), 'YYYY') AS local_year
FROM analytics.my_listener AS l
INNER JOIN analytics.stream_events AS f ON f.user_id = l.user_id;
COMMENT ON VIEW analytics.my_listening IS 'Every playback of the listener whose history is shown, in their local time';

-- What filters offer.
CREATE VIEW analytics.countries AS
SELECT DISTINCT l.country FROM warehouse.locations AS l
WHERE l.country IS NOT NULL;

CREATE VIEW analytics.genres AS
SELECT DISTINCT s.genre FROM warehouse.songs AS s
WHERE s.genre IS NOT NULL;

CREATE VIEW analytics.platforms AS
SELECT DISTINCT
    d.platform,
    d.device_type
FROM warehouse.devices AS d
WHERE d.platform IS NOT NULL;

CREATE VIEW analytics.subscriptions AS
SELECT DISTINCT u.subscription FROM warehouse.users AS u
WHERE u.is_current AND u.subscription IS NOT NULL;
