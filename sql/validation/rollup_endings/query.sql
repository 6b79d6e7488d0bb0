WITH facts AS (
    SELECT
        f.event_date AS day,
        count(*) AS plays,
        count(*) FILTER (WHERE f.skipped) AS skipped,
        sum(least(f.ms_played / 1000, 3600)) AS seconds
    FROM warehouse.stream_events AS f
    WHERE f.ingested_at <= (SELECT s.ingested_until FROM rollup.state AS s)
    GROUP BY f.event_date
),

expected AS (
    SELECT
        f.day AS period,
        'endings_by_day' AS rollup,
        f.plays,
        f.skipped,
        f.seconds
    FROM facts AS f
    UNION ALL
    SELECT
        date_trunc('month', f.day::timestamp)::date AS period,
        'endings' AS rollup,
        sum(f.plays) AS plays,
        sum(f.skipped) AS skipped,
        sum(f.seconds) AS seconds
    FROM facts AS f
    GROUP BY 1
),

stored AS (
    SELECT
        r.day AS period,
        'endings_by_day' AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.plays * r.second) AS seconds
    FROM rollup.endings_by_day AS r
    GROUP BY 1
    UNION ALL
    SELECT
        r.month AS period,
        'endings' AS rollup,
        sum(r.plays) AS plays,
        sum(r.skipped) AS skipped,
        sum(r.plays * r.second) AS seconds
    FROM rollup.endings AS r
    GROUP BY 1
)

SELECT
    period,
    rollup,
    s.plays AS rollup_plays,
    e.plays AS fact_plays,
    s.seconds AS rollup_seconds,
    e.seconds AS fact_seconds
FROM stored AS s
FULL JOIN expected AS e USING (period, rollup)
WHERE (s.plays, s.skipped, s.seconds) IS DISTINCT FROM (e.plays, e.skipped, e.seconds);
