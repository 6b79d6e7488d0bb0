WITH sums AS (
    SELECT
        'content' AS rollup,
        r.grain,
        r.content_type || ' ' || r.content_id AS id,
        sum(r.plays) AS plays,
        sum(r.ms_played) AS ms_played
    FROM rollup.content AS r
    WHERE r.grain <> 'day' OR r.period_start < (SELECT s.sealed_until FROM rollup.state AS s)
    GROUP BY 2, 3
    UNION ALL
    SELECT
        'listeners' AS rollup,
        r.grain,
        r.user_key::text AS id,
        sum(r.plays) AS plays,
        sum(r.ms_played) AS ms_played
    FROM rollup.listeners AS r
    WHERE r.grain <> 'day' OR r.period_start < (SELECT s.sealed_until FROM rollup.state AS s)
    GROUP BY 2, 3
)

SELECT
    s.rollup,
    s.id,
    min(s.plays) AS least_plays,
    max(s.plays) AS most_plays
FROM sums AS s
GROUP BY s.rollup, s.id
HAVING count(*) <> 4 OR min(s.plays) <> max(s.plays) OR min(s.ms_played) <> max(s.ms_played);
