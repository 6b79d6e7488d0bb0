-- What the audit found wrong, for the dashboard.
-- depends: 0030.conservation 0060.dashboards

CREATE OR REPLACE VIEW analytics.pipeline_health AS
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
    h.balanced,
    h.imbalances
FROM ops.stream_health AS h;
