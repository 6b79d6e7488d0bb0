WITH newest AS (
    SELECT d.day FROM rollup.settled_days() AS d (day)
    WHERE d.day NOT IN (SELECT g.day FROM rollup.regrouped_days() AS g (day))
    ORDER BY d.day DESC
    LIMIT 7
),

stored AS (
    SELECT
        g.day,
        'listeners' AS rollup,
        sum(g.plays) AS plays,
        sum(g.ms_played) AS ms_played,
        sum(g.listeners) FILTER (WHERE g.day IN (SELECT n.day FROM newest AS n)) AS listeners
    FROM rollup.listener_groups AS g
    GROUP BY g.day
    UNION ALL
    SELECT
        g.day,
        'devices' AS rollup,
        sum(g.plays) AS plays,
        sum(g.ms_played) AS ms_played,
        sum(g.listeners) FILTER (WHERE g.day IN (SELECT n.day FROM newest AS n)) AS listeners
    FROM rollup.device_groups AS g
    GROUP BY g.day
),

expected AS (
    SELECT
        d.day,
        'listeners' AS rollup,
        sum(r.plays) AS plays,
        sum(r.ms_played) AS ms_played,
        (
            SELECT sum(c.listeners)
            FROM newest AS n
            CROSS JOIN LATERAL rollup.listener_groups_of(n.day) AS c
            WHERE n.day = d.day
        ) AS listeners
    FROM rollup.settled_days() AS d (day)
    INNER JOIN rollup.listeners AS r ON r.grain = 'day' AND d.day = r.period_start
    GROUP BY d.day
    UNION ALL
    SELECT
        d.day,
        'devices' AS rollup,
        sum(r.plays) AS plays,
        sum(r.ms_played) AS ms_played,
        (
            SELECT sum(c.listeners)
            FROM newest AS n
            CROSS JOIN LATERAL rollup.device_groups_of(n.day) AS c
            WHERE n.day = d.day
        ) AS listeners
    FROM rollup.settled_days() AS d (day)
    INNER JOIN rollup.devices AS r ON r.grain = 'day' AND d.day = r.period_start
    GROUP BY d.day
)

SELECT
    day,
    rollup,
    s.plays AS stored_plays,
    e.plays AS day_plays,
    s.listeners AS stored_listeners,
    e.listeners AS day_listeners
FROM stored AS s
FULL JOIN expected AS e USING (day, rollup)
WHERE (s.plays, s.ms_played, s.listeners) IS DISTINCT FROM (e.plays, e.ms_played, e.listeners);
