-- Where a listener's plays come from; an imported history has a source of its own.
CREATE VIEW analytics.listener_sources AS
SELECT
    s.source,
    s.user_id,
    s.plays,
    (
        SELECT min(d.day) FROM rollup.user_days AS d
        WHERE d.user_id = s.user_id
    ) AS first_day,
    (
        SELECT max(d.day) FROM rollup.user_days AS d
        WHERE d.user_id = s.user_id
    ) AS last_day
FROM rollup.listener_sources AS s
WHERE s.plays > 0;
