-- A history that is sent at once carries the time at which it would have been produced: how long the pipeline took is
-- told by when the broker got the record. Read by ranges of ingested_at, which its block range index finds.
-- depends: 0040.rollups 0061.imbalances-shown

CREATE OR REPLACE VIEW analytics.arrivals AS
SELECT
    f.event_time,
    f.produced_at,
    f.ingested_at,
    extract(EPOCH FROM f.ingested_at - f.produced_at)::double precision AS seconds_to_row,
    f.source,
    f.kafka_timestamp,
    extract(EPOCH FROM f.ingested_at - f.kafka_timestamp)::double precision AS seconds_from_kafka
FROM warehouse.stream_events AS f;
