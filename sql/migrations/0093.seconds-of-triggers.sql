-- What rates are quotients of: the time that the records of a trigger came in. A rate that Spark did not give stays
-- null: 0 would be a measurement.
-- depends: 0061.imbalances-shown

CREATE OR REPLACE VIEW analytics.pipeline_progress AS
SELECT
    p.recorded_at,
    p.query,
    p.input_rows,
    p.input_rows_per_second,
    p.processed_rows_per_second,
    p.batch_ms / 1000.0 AS batch_seconds,
    p.lag_records,
    -- The first trigger of a run read what had waited for it while nothing ran: its own time is all that is known.
    CASE
        WHEN b.run_id = p.run_id THEN extract(EPOCH FROM p.recorded_at - b.recorded_at)
        ELSE p.batch_ms / 1000.0
    END AS trigger_seconds
FROM ops.progress AS p
LEFT JOIN LATERAL (
    SELECT
        o.run_id,
        o.recorded_at
    FROM ops.progress AS o
    WHERE o.id < p.id
    ORDER BY o.id DESC
    LIMIT 1
) AS b ON true;
