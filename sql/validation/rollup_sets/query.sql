WITH newest AS (
    SELECT d.day FROM rollup.settled_days() AS d (day)
    WHERE d.day NOT IN (SELECT g.day FROM rollup.regrouped_days() AS g (day))
    ORDER BY d.day DESC
    LIMIT 3
),

-- Every word groups all plays of a day.
sums AS (
    SELECT
        s.day,
        'listeners by ' || s.grouped_by AS rollup,
        sum(s.plays) AS plays,
        sum(s.ms_played) AS ms_played
    FROM rollup.listener_sets AS s
    GROUP BY s.day, s.grouped_by
    UNION ALL
    SELECT
        s.day,
        'devices' AS rollup,
        sum(s.plays) AS plays,
        sum(s.ms_played) AS ms_played
    FROM rollup.device_sets AS s
    GROUP BY s.day
),

expected_sums AS (
    SELECT
        e.day,
        'listeners by ' || w.grouped_by AS rollup,
        e.plays,
        e.ms_played
    FROM (
        SELECT
            d.day,
            sum(r.plays) AS plays,
            sum(r.ms_played) AS ms_played
        FROM rollup.settled_days() AS d (day)
        INNER JOIN rollup.listeners AS r ON r.grain = 'day' AND d.day = r.period_start
        GROUP BY d.day
    ) AS e
    CROSS JOIN unnest(rollup.listener_words()) AS w (grouped_by)
    UNION ALL
    SELECT
        d.day,
        'devices' AS rollup,
        sum(r.plays) AS plays,
        sum(r.ms_played) AS ms_played
    FROM rollup.settled_days() AS d (day)
    INNER JOIN rollup.devices AS r ON r.grain = 'day' AND d.day = r.period_start
    GROUP BY d.day
),

members AS (
    SELECT
        s.day,
        'listeners' AS rollup,
        concat_ws('/', s.grouped_by, s.group_name, s.block) AS name,
        s.members
    FROM rollup.listener_sets AS s
    WHERE s.day IN (SELECT n.day FROM newest AS n)
    UNION ALL
    SELECT
        s.day,
        'devices' AS rollup,
        concat_ws('/', s.device_type, s.platform, s.counted, s.block) AS name,
        s.members
    FROM rollup.device_sets AS s
    WHERE s.day IN (SELECT n.day FROM newest AS n)
),

expected_members AS (
    SELECT
        s.day,
        'listeners' AS rollup,
        concat_ws('/', s.grouped_by, s.group_name, s.block) AS name,
        s.members
    FROM newest AS n
    CROSS JOIN LATERAL rollup.listener_sets_of(n.day, rollup.listener_words()) AS s
    UNION ALL
    SELECT
        s.day,
        'devices' AS rollup,
        concat_ws('/', s.device_type, s.platform, s.counted, s.block) AS name,
        s.members
    FROM newest AS n
    CROSS JOIN LATERAL rollup.device_sets_of(n.day) AS s
)

SELECT
    day,
    rollup,
    null AS name,
    s.plays AS stored,
    e.plays AS expected
FROM sums AS s
FULL JOIN expected_sums AS e USING (day, rollup)
WHERE (s.plays, s.ms_played) IS DISTINCT FROM (e.plays, e.ms_played)
UNION ALL
SELECT
    day,
    rollup,
    name,
    bit_count(s.members) AS stored,
    bit_count(e.members) AS expected
FROM members AS s
FULL JOIN expected_members AS e USING (day, rollup, name)
WHERE s.members IS DISTINCT FROM e.members;
