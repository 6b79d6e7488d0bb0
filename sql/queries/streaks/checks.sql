-- Rows that must not exist: the facts of the listener do not have that many days in the streak.
SELECT
    s.user_id,
    s.days,
    f.days AS fact_days
FROM analytics.streaks(20) AS s
CROSS JOIN
    LATERAL (
        SELECT count(DISTINCT date_trunc('day', e.event_time, 'UTC')) AS days
        FROM analytics.stream_events AS e
        WHERE
            e.user_id = s.user_id
            AND e.event_time >= s.first_day::timestamp AT TIME ZONE 'UTC'
            AND e.event_time < (s.last_day + 1)::timestamp AT TIME ZONE 'UTC'
    ) AS f
WHERE s.days <> f.days;
