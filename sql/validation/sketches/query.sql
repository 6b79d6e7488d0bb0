WITH exact AS (
    SELECT
        date_trunc('hour', f.event_time AT TIME ZONE 'UTC') AS hour,
        count(DISTINCT f.user_id) AS listeners,
        count(DISTINCT f.song_id) AS songs
    FROM warehouse.stream_events AS f
    WHERE f.event_date >= (now() AT TIME ZONE 'UTC')::date - 7
    GROUP BY 1
)

SELECT
    e.hour,
    m.listeners AS approximate_listeners,
    e.listeners,
    m.songs AS approximate_songs,
    e.songs
FROM metrics.hourly AS m
INNER JOIN exact AS e ON e.hour = m.window_start AT TIME ZONE 'UTC'
WHERE
    m.window_end - m.window_start = interval '1 hour'
    AND (
        abs(m.listeners - e.listeners) > 2 + 0.048 * e.listeners
        OR abs(m.songs - e.songs) > 2 + 0.048 * e.songs
    );
