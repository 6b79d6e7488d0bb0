-- The sets of the listeners of one day by the given words, and what they played, from rollup.listeners.
CREATE FUNCTION rollup.listener_sets_of(day date, grouped_by text[]) RETURNS SETOF rollup.listener_sets
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 100
BEGIN ATOMIC
    SELECT
        listener_sets_of.day,
        g.word AS grouped_by,
        rollup.listener_group(g.word, u.birth_date, u.gender, u.subscription, u.country, listener_sets_of.day)
            AS group_name,
        coalesce(n.number, 0) / 4096 AS block,
        rollup.set_of(n.number % 4096, 1) AS members,
        rollup.total(r.plays) AS plays,
        rollup.total(r.streams) AS streams,
        rollup.total(r.completed) AS completed,
        rollup.total(r.skipped) AS skipped,
        rollup.total(r.liked) AS liked,
        rollup.total(r.ms_played) AS ms_played
    FROM rollup.listeners AS r
    LEFT JOIN warehouse.users AS u ON r.user_key = u.user_key
    LEFT JOIN rollup.listener_numbers AS n ON u.user_id = n.user_id
    CROSS JOIN unnest(listener_sets_of.grouped_by) AS g (word)
    WHERE r.grain = 'day' AND r.period_start = listener_sets_of.day
    GROUP BY 2, 3, 4;
END;
