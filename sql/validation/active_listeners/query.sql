SELECT
    a.day,
    a.daily_active_listeners,
    a.monthly_active_listeners
FROM analytics.listener_activity AS a
WHERE
    a.day >= (now() AT TIME ZONE 'UTC')::date - 6
    AND (
        a.daily_active_listeners <> (
            SELECT count(DISTINCT f.user_id)
            FROM warehouse.stream_events AS f
            WHERE f.event_date = a.day AND f.ingested_at <= (SELECT s.ingested_until FROM rollup.state AS s)
        )
        OR a.monthly_active_listeners <> (
            SELECT count(DISTINCT f.user_id)
            FROM warehouse.stream_events AS f
            WHERE
                f.event_date BETWEEN a.day - 27 AND a.day
                AND f.ingested_at <= (SELECT s.ingested_until FROM rollup.state AS s)
        )
    );
