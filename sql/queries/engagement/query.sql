-- Listeners are counted once per group and range; who changed the subscription in the range is in two groups.
CREATE FUNCTION analytics.engagement(since date, until date, grouped_by text)
RETURNS TABLE (
    group_name text,
    listeners bigint,
    plays bigint,
    streams bigint,
    minutes_played double precision,
    streams_per_listener double precision,
    minutes_per_listener double precision,
    completion_rate double precision,
    skip_rate double precision,
    like_rate double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 10
BEGIN ATOMIC
    WITH versions AS (
        SELECT
            r.user_key,
            rollup.total(r.plays) AS plays,
            rollup.total(r.streams) AS streams,
            rollup.total(r.completed) AS completed,
            rollup.total(r.skipped) AS skipped,
            rollup.total(r.liked) AS liked,
            rollup.total(r.ms_played) AS ms_played
        FROM rollup.periods(engagement.since, engagement.until) AS p
        INNER JOIN rollup.listeners AS r ON p.grain = r.grain AND p.period_start = r.period_start
        GROUP BY r.user_key
    ),

    -- A version that held all through the range is its listener's only one in it, and counts one. The listeners of the
    -- others are told apart here: hashing once more is faster than sorting for count(DISTINCT).
    members AS (
        SELECT
            CASE
                WHEN
                    u.valid_from > engagement.since::timestamp AT TIME ZONE 'UTC'
                    OR u.valid_to < engagement.until::timestamp AT TIME ZONE 'UTC'
                    THEN u.user_id
            END AS changed_user_id,
            CASE engagement.grouped_by
                WHEN 'age_group' THEN rollup.age_group(u.birth_date, engagement.until)
                WHEN 'gender' THEN coalesce(u.gender, 'unknown')
                WHEN 'subscription' THEN coalesce(u.subscription, 'unknown')
                WHEN 'country' THEN coalesce(u.country, 'unknown')
                WHEN 'all' THEN 'all'
            END AS group_name,
            count(u.user_id) AS versions,
            rollup.total(v.plays) AS plays,
            rollup.total(v.streams) AS streams,
            rollup.total(v.completed) AS completed,
            rollup.total(v.skipped) AS skipped,
            rollup.total(v.liked) AS liked,
            rollup.total(v.ms_played) AS ms_played
        FROM versions AS v
        LEFT JOIN warehouse.users AS u ON v.user_key = u.user_key
        GROUP BY 1, 2
    ),

    groups AS (
        SELECT
            m.group_name,
            rollup.total(CASE WHEN m.changed_user_id IS null THEN m.versions ELSE 1 END) AS listeners,
            rollup.total(m.plays) AS plays,
            rollup.total(m.streams) AS streams,
            rollup.total(m.completed) AS completed,
            rollup.total(m.skipped) AS skipped,
            rollup.total(m.liked) AS liked,
            rollup.total(m.ms_played) AS ms_played
        FROM members AS m
        GROUP BY m.group_name
    )

    SELECT
        g.group_name,
        g.listeners,
        g.plays,
        g.streams,
        g.ms_played / 60000.0 AS minutes_played,
        g.streams::double precision / nullif(g.listeners, 0) AS streams_per_listener,
        g.ms_played / 60000.0 / nullif(g.listeners, 0) AS minutes_per_listener,
        g.completed::double precision / nullif(g.plays, 0) AS completion_rate,
        g.skipped::double precision / nullif(g.plays, 0) AS skip_rate,
        g.liked::double precision / nullif(g.plays, 0) AS like_rate
    FROM groups AS g
    WHERE
        rollup.is_known_word(
            'grouped_by', engagement.grouped_by, ARRAY['age_group', 'gender', 'subscription', 'country', 'all']
        )
    ORDER BY 4 DESC, 1 ASC;
END;
