WITH facts AS (
    SELECT
        f.event_date AS day,
        count(*) AS plays,
        count(*) FILTER (WHERE f.skipped) AS skipped,
        sum(f.ms_played) AS ms_played
    FROM warehouse.stream_events AS f
    WHERE f.ingested_at <= (SELECT s.ingested_until FROM rollup.state AS s)
    GROUP BY f.event_date
),

sums AS (
    SELECT
        r.period_start AS day,
        r.content_type AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.ms_played) AS ms_played
    FROM rollup.content AS r
    WHERE r.grain = 'day'
    GROUP BY 1, 2
    UNION ALL
    SELECT
        r.period_start AS day,
        'listeners' AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.ms_played) AS ms_played
    FROM rollup.listeners AS r
    WHERE r.grain = 'day'
    GROUP BY 1
    UNION ALL
    SELECT
        r.period_start AS day,
        'devices' AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.ms_played) AS ms_played
    FROM rollup.devices AS r
    WHERE r.grain = 'day'
    GROUP BY 1
    UNION ALL
    SELECT
        r.period_start AS day,
        'locations' AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.ms_played) AS ms_played
    FROM rollup.locations AS r
    WHERE r.grain = 'day'
    GROUP BY 1
    UNION ALL
    SELECT
        r.period_start AS day,
        'local_hours' AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.ms_played) AS ms_played
    FROM rollup.local_hours AS r
    WHERE r.grain = 'day'
    GROUP BY 1
),

expected AS (
    SELECT
        f.day,
        k.rollup,
        f.plays,
        f.skipped,
        f.ms_played
    FROM facts AS f
    CROSS JOIN (
        VALUES ('song'), ('artist'), ('album'), ('genre'), ('listeners'), ('devices'), ('locations'), ('local_hours')
    ) AS k (rollup)
)

SELECT
    day,
    rollup,
    s.plays AS rollup_plays,
    e.plays AS fact_plays
FROM sums AS s
FULL JOIN expected AS e USING (day, rollup)
WHERE (s.plays, s.skipped, s.ms_played) IS DISTINCT FROM (e.plays, e.skipped, e.ms_played);
