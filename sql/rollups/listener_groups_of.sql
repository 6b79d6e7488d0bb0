-- The groups of listeners of one day, counted from rollup.listeners. Facts count for the version of the listener that
-- was valid at their time, so a change of subscription splits a day.
CREATE FUNCTION rollup.listener_groups_of(day date) RETURNS SETOF rollup.listener_groups
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 2000
BEGIN ATOMIC
    SELECT
        listener_groups_of.day,
        g.age_group,
        g.gender,
        g.subscription,
        g.country,
        count(g.user_id) AS listeners,
        rollup.total(g.plays) AS plays,
        rollup.total(g.streams) AS streams,
        rollup.total(g.completed) AS completed,
        rollup.total(g.skipped) AS skipped,
        rollup.total(g.liked) AS liked,
        rollup.total(g.added_to_playlist) AS added_to_playlist,
        rollup.total(g.ms_played) AS ms_played
    -- One row per listener first: hashing twice is faster than sorting for count(DISTINCT).
    FROM (
        SELECT
            u.user_id,
            rollup.age_group(u.birth_date, listener_groups_of.day) AS age_group,
            coalesce(u.gender, 'unknown') AS gender,
            coalesce(u.subscription, 'unknown') AS subscription,
            coalesce(u.country, 'unknown') AS country,
            rollup.total(r.plays) AS plays,
            rollup.total(r.streams) AS streams,
            rollup.total(r.completed) AS completed,
            rollup.total(r.skipped) AS skipped,
            rollup.total(r.liked) AS liked,
            rollup.total(r.added_to_playlist) AS added_to_playlist,
            rollup.total(r.ms_played) AS ms_played
        FROM rollup.listeners AS r
        LEFT JOIN warehouse.users AS u ON r.user_key = u.user_key
        WHERE r.grain = 'day' AND r.period_start = listener_groups_of.day
        GROUP BY 1, 2, 3, 4, 5
    ) AS g
    GROUP BY g.age_group, g.gender, g.subscription, g.country;
END;
