WITH spans AS (
    SELECT
        b.id,
        t.key AS topic,
        p.key::integer AS partition,
        (p.value ->> 0)::bigint AS first_offset,
        lag((p.value ->> 1)::bigint) OVER (PARTITION BY t.key, p.key ORDER BY b.id) AS last_before
    FROM ops.batches AS b
    CROSS JOIN LATERAL jsonb_each(b.offsets) AS t
    CROSS JOIN LATERAL jsonb_each(t.value) AS p
    WHERE t.key IN ('music.stream-events')
),

noticed AS (
    SELECT
        n.topic,
        n.partition,
        sum(n.missing) AS missing,
        count(*) AS incarnations
    FROM ops.partitions AS n
    GROUP BY n.topic, n.partition
)

SELECT
    s.topic,
    s.partition,
    coalesce(sum(s.first_offset - s.last_before - 1) FILTER (WHERE s.first_offset > s.last_before + 1), 0) AS skipped,
    coalesce(sum(s.last_before + 1 - s.first_offset) FILTER (WHERE s.first_offset <= s.last_before), 0) AS read_twice
FROM spans AS s
INNER JOIN noticed AS n ON s.topic = n.topic AND s.partition = n.partition
-- The offsets of a topic that was made anew begin again; a partition that lost its tail is read from where it ends now.
WHERE
    n.incarnations = 1
    AND NOT EXISTS (
        SELECT FROM ops.query_events AS e
        WHERE e.kind = 'topic_recreated'
    )
GROUP BY s.topic, s.partition, n.missing
HAVING
    coalesce(sum(s.first_offset - s.last_before - 1) FILTER (WHERE s.first_offset > s.last_before + 1), 0) > n.missing
    OR bool_or(s.first_offset <= s.last_before);
