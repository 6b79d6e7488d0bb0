-- Active is who played something on the day (UTC). A rolling window is the sum of who entered it less who left it.
CREATE VIEW analytics.listener_activity AS
SELECT
    t.day,
    t.active AS daily_active_listeners,
    t.active_7::bigint AS weekly_active_listeners,
    t.active_28::bigint AS monthly_active_listeners,
    t.active::double precision / nullif(t.active_28, 0) AS stickiness,
    t.new_listeners,
    t.returning_listeners,
    t.resurrected_listeners,
    t.left_28 AS became_dormant,
    (t.ever - t.active_28)::bigint AS dormant_listeners,
    t.first_listens
FROM (
    SELECT
        c.day::date AS day,
        coalesce(a.active, 0) AS active,
        coalesce(a.new_listeners, 0) AS new_listeners,
        coalesce(a.returning_listeners, 0) AS returning_listeners,
        coalesce(a.resurrected_listeners, 0) AS resurrected_listeners,
        coalesce(a.left_28, 0) AS left_28,
        coalesce(a.first_listens, 0) AS first_listens,
        sum(a.entered_7 - a.left_7) OVER (ORDER BY c.day) AS active_7,
        sum(a.new_listeners + a.resurrected_listeners - a.left_28) OVER (ORDER BY c.day) AS active_28,
        sum(a.new_listeners) OVER (ORDER BY c.day) AS ever
    FROM
        generate_series(
            (SELECT min(f.day) FROM rollup.activity AS f)::timestamp,
            (
                SELECT max(l.day) FROM rollup.activity AS l
                WHERE l.active > 0
            ),
            interval '1 day'
        ) AS c (day)
    LEFT JOIN rollup.activity AS a ON c.day = a.day
) AS t;
