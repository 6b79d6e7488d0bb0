-- How far the rollups are behind the facts.
CREATE VIEW analytics.freshness AS
SELECT
    s.ingested_until AS counted_until,
    s.refreshed_at,
    s.sealed_until,
    (SELECT max(b.committed_at) FROM ops.batches AS b) AS newest_batch_at,
    coalesce(
        (
            SELECT sum(b.facts) FROM ops.batches AS b
            WHERE b.id > s.batch_id
        ), 0
    )::bigint AS facts_not_counted,
    coalesce(
        now() - (
            SELECT min(b.committed_at) FROM ops.batches AS b
            WHERE b.id > s.batch_id AND b.facts > 0
        ),
        interval '0'
    ) AS behind
FROM rollup.state AS s;
