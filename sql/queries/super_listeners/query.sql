-- The listeners with most streams who are the given share of all (2 % by default, about what Spotify for Artists calls
-- super listeners), against everyone.
CREATE FUNCTION analytics.super_listeners(since date, until date, top_share double precision DEFAULT 0.02)
RETURNS TABLE (
    audience text,
    listeners bigint,
    streams bigint,
    share_of_streams double precision,
    streams_per_listener double precision,
    minutes_per_listener double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 3
BEGIN ATOMIC
    WITH versions AS (
        SELECT
            r.user_key,
            rollup.total(p.sign * r.streams) AS streams,
            rollup.total(p.sign * r.ms_played) AS ms_played
        FROM rollup.periods(super_listeners.since, super_listeners.until) AS p
        INNER JOIN rollup.listeners AS r ON p.grain = r.grain AND p.period_start = r.period_start
        GROUP BY r.user_key
        HAVING rollup.total(p.sign * r.plays) > 0
    ),

    -- A version that held all through the range is its listener's only one in it. The others are put together here.
    changed AS (
        SELECT
            u.user_key,
            u.user_id
        FROM warehouse.users AS u
        WHERE
            (
                u.valid_from > super_listeners.since::timestamp AT TIME ZONE 'UTC'
                AND u.valid_from < super_listeners.until::timestamp AT TIME ZONE 'UTC'
            )
            OR (
                u.valid_to > super_listeners.since::timestamp AT TIME ZONE 'UTC'
                AND u.valid_to < super_listeners.until::timestamp AT TIME ZONE 'UTC'
            )
    ),

    listeners AS (
        SELECT
            v.streams,
            v.ms_played
        FROM versions AS v
        WHERE v.user_key NOT IN (SELECT c.user_key FROM changed AS c)
        UNION ALL
        SELECT
            rollup.total(v.streams) AS streams,
            rollup.total(v.ms_played) AS ms_played
        FROM versions AS v
        INNER JOIN changed AS c ON v.user_key = c.user_key
        GROUP BY c.user_id
    ),

    -- Only the few at the top are put in an order.
    top AS (
        SELECT
            l.streams,
            l.ms_played
        FROM listeners AS l
        ORDER BY l.streams DESC, l.ms_played DESC
        LIMIT (SELECT greatest(ceil(count(*) * super_listeners.top_share), 0)::bigint FROM listeners)
    ),

    audiences AS (
        SELECT
            'all' AS audience,
            count(*) AS listeners,
            rollup.total(l.streams) AS streams,
            rollup.total(l.ms_played) AS ms_played
        FROM listeners AS l
        UNION ALL
        SELECT
            'super listeners' AS audience,
            count(*) AS listeners,
            rollup.total(t.streams) AS streams,
            rollup.total(t.ms_played) AS ms_played
        FROM top AS t
    )

    SELECT
        a.audience,
        a.listeners,
        a.streams,
        a.streams::double precision / nullif(max(a.streams) OVER (), 0)
            AS share_of_streams,
        a.streams::double precision / a.listeners AS streams_per_listener,
        a.ms_played / 60000.0 / a.listeners AS minutes_per_listener
    FROM (
        SELECT
            b.audience,
            b.listeners,
            b.streams,
            b.ms_played
        FROM audiences AS b
        UNION ALL
        SELECT
            'others' AS audience,
            e.listeners - s.listeners AS listeners,
            e.streams - coalesce(s.streams, 0) AS streams,
            e.ms_played - coalesce(s.ms_played, 0) AS ms_played
        FROM audiences AS e
        CROSS JOIN audiences AS s
        WHERE e.audience = 'all' AND s.audience = 'super listeners'
    ) AS a
    WHERE a.listeners > 0
    ORDER BY a.audience;
END;
