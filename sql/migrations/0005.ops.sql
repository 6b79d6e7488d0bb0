-- What the stream knows about itself: positions and totals (the authority for offsets), the ledger of batches, dead
-- letters, progress.
-- depends: 0001.schemas-and-roles

CREATE TABLE ops.partitions (
    topic text NOT NULL,
    partition integer NOT NULL,
    topic_id text NOT NULL,
    position bigint NOT NULL,
    first_position bigint NOT NULL,
    read bigint NOT NULL DEFAULT 0,
    facts bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    dimensions bigint NOT NULL DEFAULT 0,
    dead_letters bigint NOT NULL DEFAULT 0,
    late_events bigint NOT NULL DEFAULT 0,
    unknown_fields bigint NOT NULL DEFAULT 0,
    missing bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, topic_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE ops.partitions IS
'One row per partition of a topic''s incarnation (topic_id is Kafka''s): the next offset to read, and what became of all before it';
COMMENT ON COLUMN ops.partitions.missing IS
'Offsets between two reads that Kafka no longer held (retention passed over the stream); compacted topics have such gaps by nature and do not count them';

CREATE TABLE ops.batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    query text NOT NULL,
    run_id uuid NOT NULL,
    batch_id bigint NOT NULL,
    offsets jsonb NOT NULL,
    read bigint NOT NULL,
    facts bigint NOT NULL,
    duplicates bigint NOT NULL,
    dimensions bigint NOT NULL,
    dead_letters bigint NOT NULL,
    late_events bigint NOT NULL,
    unknown_fields bigint NOT NULL,
    watermark timestamptz,
    committed_at timestamptz NOT NULL,
    UNIQUE (query, run_id, batch_id)
);
COMMENT ON TABLE ops.batches IS
'The ledger: a row per committed batch, written in the transaction of its data. offsets: {topic: {partition: [first, last]}}';
CREATE INDEX batches_committed_at ON ops.batches (committed_at);

CREATE TABLE ops.watermarks (
    query text PRIMARY KEY,
    watermark timestamptz NOT NULL,
    max_event_time timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE ops.dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    kafka_timestamp timestamptz NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    key bytea,
    payload bytea,
    payload_bytes bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);
COMMENT ON COLUMN ops.dead_letters.payload IS
'The record''s value as it came, cut after 64 KiB; the dead-letter topic has all of it';
CREATE INDEX dead_letters_reason ON ops.dead_letters (reason, recorded_at);
CREATE INDEX dead_letters_source ON ops.dead_letters (topic, partition, kafka_offset);

CREATE TABLE ops.progress (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    query text NOT NULL,
    run_id uuid NOT NULL,
    batch_id bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    input_rows bigint NOT NULL,
    input_rows_per_second double precision,
    processed_rows_per_second double precision,
    batch_ms bigint NOT NULL,
    lag_records bigint NOT NULL,
    lag_by_partition jsonb NOT NULL,
    durations_ms jsonb NOT NULL
);
COMMENT ON TABLE ops.progress IS 'What Spark''s listener said of each trigger';
CREATE INDEX progress_recorded_at ON ops.progress (recorded_at);

CREATE TABLE ops.query_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    query text NOT NULL,
    run_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('started', 'stopped', 'failed', 'topic_recreated', 'records_missing')),
    detail text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.query_events IS 'Starts, ends and surprises of the query, with their reason';

CREATE VIEW ops.conservation AS
SELECT
    topic,
    partition,
    read,
    facts,
    duplicates,
    dimensions,
    dead_letters,
    missing,
    read = facts + duplicates + dimensions + dead_letters AS balanced
FROM ops.partitions;
COMMENT ON VIEW ops.conservation IS 'What was read equals what it became, per partition';

CREATE VIEW ops.stream_health AS
SELECT
    p.query,
    p.batch_id,
    p.recorded_at AS last_progress_at,
    p.input_rows_per_second,
    p.processed_rows_per_second,
    p.lag_records,
    p.batch_ms,
    w.watermark,
    w.max_event_time,
    (SELECT max(b.committed_at) FROM ops.batches AS b) AS last_batch_at,
    totals.facts,
    totals.duplicates,
    totals.dead_letters,
    totals.late_events,
    totals.unknown_fields,
    totals.missing,
    totals.balanced
FROM (
    SELECT * FROM ops.progress
    ORDER BY id DESC
    LIMIT 1
) AS p
LEFT JOIN ops.watermarks AS w ON w.query = p.query
CROSS JOIN (
    SELECT
        sum(facts)::bigint AS facts,
        sum(duplicates)::bigint AS duplicates,
        sum(dead_letters)::bigint AS dead_letters,
        sum(late_events)::bigint AS late_events,
        sum(unknown_fields)::bigint AS unknown_fields,
        sum(missing)::bigint AS missing,
        bool_and(read = facts + duplicates + dimensions + dead_letters) AS balanced
    FROM ops.partitions
) AS totals;
COMMENT ON VIEW ops.stream_health IS 'The newest progress of the stream with its watermark and totals: one row once it has run';
