-- Every offset that a position has passed was read or is known to be missing, where no record is compacted away.
-- depends: 0093.seconds-of-triggers

ALTER TABLE ops.partitions ADD COLUMN rewound bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ops.partitions.rewound IS
'Offsets that the position went back by, where Kafka had lost records after they were read and gives their offsets again';
UPDATE ops.partitions SET rewound = read + missing - (position - first_position)
WHERE topic = 'music.stream-events' AND read + missing > position - first_position;

CREATE OR REPLACE VIEW ops.conservation AS
SELECT
    p.topic,
    p.partition,
    p.read,
    p.facts,
    p.duplicates,
    p.dimensions,
    p.dead_letters,
    p.missing,
    p.read = p.facts + p.duplicates + p.dimensions + p.dead_letters
    -- Compaction takes records away, so that only an upper bound is known there.
    AND CASE
        WHEN p.topic = 'music.stream-events' THEN p.read + p.missing = p.position - p.first_position + p.rewound
        ELSE p.read + p.missing <= p.position - p.first_position + p.rewound
    END AS balanced,
    p.position - p.first_position + p.rewound AS offsets_passed
FROM ops.partitions AS p;
COMMENT ON VIEW ops.conservation IS
'Per partition: every offset passed was read or is missing, and what was read equals what it became';

CREATE OR REPLACE VIEW ops.stream_health AS
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
    totals.balanced AND audit.imbalances = 0 AS balanced,
    totals.early_events,
    audit.imbalances,
    audit.audited_at
FROM (
    SELECT * FROM ops.progress
    ORDER BY id DESC
    LIMIT 1
) AS p
LEFT JOIN ops.watermarks AS w ON w.query = p.query
CROSS JOIN (
    SELECT
        sum(r.facts)::bigint AS facts,
        sum(r.duplicates)::bigint AS duplicates,
        sum(r.dead_letters)::bigint AS dead_letters,
        sum(r.late_events)::bigint AS late_events,
        sum(r.unknown_fields)::bigint AS unknown_fields,
        sum(r.missing)::bigint AS missing,
        sum(r.early_events)::bigint AS early_events,
        (SELECT bool_and(c.balanced) FROM ops.conservation AS c) AS balanced
    FROM ops.partitions AS r
) AS totals
CROSS JOIN (
    SELECT
        (
            SELECT count(*) FROM ops.imbalances AS i
            WHERE i.resolved_at IS NULL
        ) AS imbalances,
        (SELECT min(a.checked_at) FROM ops.audits AS a) AS audited_at
) AS audit;

CREATE OR REPLACE VIEW analytics.pipeline_partitions AS
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
    CASE
        WHEN p.topic = 'music.stream-events' THEN p.position - p.first_position + p.rewound - p.missing
        ELSE p.read
    END - p.facts - p.duplicates - p.dimensions - p.dead_letters AS unaccounted,
    p.updated_at
FROM ops.partitions AS p;
COMMENT ON VIEW analytics.pipeline_partitions IS
'What was read from each partition since the beginning, and what it became; unaccounted, of what its offsets were, must be 0';
