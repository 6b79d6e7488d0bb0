-- The books, audited without end: what the audit looked at last, and what it found that does not balance.
-- depends: 0005.ops

ALTER TABLE ops.query_events DROP CONSTRAINT query_events_kind_check;
ALTER TABLE ops.query_events ADD CONSTRAINT query_events_kind_check CHECK (
    kind IN (
        'started', 'stopped', 'failed', 'topic_recreated', 'records_missing', 'imbalance', 'rebuild_started',
        'rebuild_finished'
    )
);

ALTER TABLE ops.partitions ADD COLUMN early_events bigint NOT NULL DEFAULT 0;
ALTER TABLE ops.batches ADD COLUMN early_events bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN ops.partitions.early_events IS
'Facts with a time later than the broker appended them: a producer''s clock is ahead; for the watermark they count as of the broker''s time';

CREATE TABLE ops.audits (
    scope text PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    checked_from timestamptz,
    checked_to timestamptz,
    round_started_at timestamptz,
    round_finished_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE ops.audits IS
'What the audit of the books looked at last: partitions, totals, and each metric family with the span of windows. A round is once through all of its history';

CREATE TABLE ops.imbalances (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope text NOT NULL,
    subject text NOT NULL,
    window_start timestamptz,
    expected text NOT NULL,
    found text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz
);
COMMENT ON TABLE ops.imbalances IS
'What did not balance: rows of metrics that are not the sums of their facts, partitions whose records are not accounted for. None is ever expected';
CREATE UNIQUE INDEX imbalances_open ON ops.imbalances (scope, subject) WHERE resolved_at IS NULL;

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
        sum(facts)::bigint AS facts,
        sum(duplicates)::bigint AS duplicates,
        sum(dead_letters)::bigint AS dead_letters,
        sum(late_events)::bigint AS late_events,
        sum(unknown_fields)::bigint AS unknown_fields,
        sum(missing)::bigint AS missing,
        sum(early_events)::bigint AS early_events,
        bool_and(read = facts + duplicates + dimensions + dead_letters) AS balanced
    FROM ops.partitions
) AS totals
CROSS JOIN (
    SELECT
        (
            SELECT count(*) FROM ops.imbalances AS i
            WHERE i.resolved_at IS NULL
        ) AS imbalances,
        (SELECT min(a.checked_at) FROM ops.audits AS a) AS audited_at
) AS audit;
COMMENT ON VIEW ops.stream_health IS
'The newest progress of the stream with its watermark and totals: one row once it has run. audited_at: since then every scope of the audit was looked at';
