-- Listeners are counted once per group and range; who changed the subscription in the range is in two groups, and so is
-- who came of an age.
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
    -- Of settled days the sets are stored, of the others they are made here.
    WITH days AS (
        SELECT s.* FROM rollup.listener_sets AS s
        WHERE s.day >= engagement.since AND s.day < engagement.until AND s.grouped_by = engagement.grouped_by
        UNION ALL
        SELECT s.* FROM rollup.unsettled_days AS u
        CROSS JOIN LATERAL rollup.listener_sets_of(u.day, ARRAY[engagement.grouped_by]) AS s
        WHERE u.day >= engagement.since AND u.day < engagement.until
    ),

    -- Bits of different blocks are different listeners.
    blocks AS (
        SELECT
            d.group_name,
            bit_count(bit_or(d.members)) AS listeners,
            rollup.total(d.plays) AS plays,
            rollup.total(d.streams) AS streams,
            rollup.total(d.completed) AS completed,
            rollup.total(d.skipped) AS skipped,
            rollup.total(d.liked) AS liked,
            rollup.total(d.ms_played) AS ms_played
        FROM days AS d
        GROUP BY d.group_name, d.block
    ),

    groups AS (
        SELECT
            b.group_name,
            rollup.total(b.listeners) AS listeners,
            rollup.total(b.plays) AS plays,
            rollup.total(b.streams) AS streams,
            rollup.total(b.completed) AS completed,
            rollup.total(b.skipped) AS skipped,
            rollup.total(b.liked) AS liked,
            rollup.total(b.ms_played) AS ms_played
        FROM blocks AS b
        GROUP BY b.group_name
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
    WHERE rollup.is_known_word('grouped_by', engagement.grouped_by, rollup.listener_words())
    ORDER BY 4 DESC, 1 ASC;
END;
