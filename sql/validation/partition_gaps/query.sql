WITH needed AS (
    SELECT ((now() AT TIME ZONE 'UTC')::date + n.ahead) AS day
    FROM generate_series(0, 1) AS n (ahead)
    UNION
    SELECT (m.window_start AT TIME ZONE 'UTC')::date AS day
    FROM metrics.hourly AS m
),

partitions AS (
    SELECT
        b.bound[1]::date AS first_day,
        b.bound[2]::date AS next_day
    FROM pg_inherits AS i
    INNER JOIN pg_class AS c ON i.inhrelid = c.oid
    CROSS JOIN
        LATERAL regexp_match(
            pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)'
        ) AS b (bound)
    WHERE i.inhparent = 'warehouse.stream_events'::regclass
)

SELECT n.day
FROM needed AS n
WHERE
    NOT EXISTS (
        SELECT FROM partitions AS p
        WHERE p.first_day <= n.day AND n.day < p.next_day
    )
ORDER BY n.day;
