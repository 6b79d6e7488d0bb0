SELECT
    w.family,
    w.window_start,
    w.plays,
    w.streams
FROM (
    SELECT
        'user_engagement' AS family,
        m.window_start,
        m.window_end,
        m.plays,
        m.streams,
        m.completed,
        m.skipped,
        m.liked,
        m.ms_played
    FROM metrics.user_engagement AS m
    UNION ALL
    SELECT
        'content_performance' AS family,
        m.window_start,
        m.window_end,
        m.plays,
        m.streams,
        m.completed,
        m.skipped,
        m.liked,
        m.ms_played
    FROM metrics.content_performance AS m
    UNION ALL
    SELECT
        'device' AS family,
        m.window_start,
        m.window_end,
        m.plays,
        m.streams,
        m.completed,
        m.skipped,
        m.liked,
        m.ms_played
    FROM metrics.device AS m
    UNION ALL
    SELECT
        'location' AS family,
        m.window_start,
        m.window_end,
        m.plays,
        m.streams,
        m.completed,
        m.skipped,
        m.liked,
        m.ms_played
    FROM metrics.location AS m
    UNION ALL
    SELECT
        'hourly' AS family,
        m.window_start,
        m.window_end,
        m.plays,
        m.streams,
        m.completed,
        m.skipped,
        m.liked,
        m.ms_played
    FROM metrics.hourly AS m
) AS w
WHERE
    w.plays < 1
    OR w.streams NOT BETWEEN 0 AND w.plays
    OR w.completed NOT BETWEEN 0 AND w.plays
    OR w.skipped NOT BETWEEN 0 AND w.plays
    OR w.liked NOT BETWEEN 0 AND w.plays
    OR w.ms_played < 0
    OR w.window_end <= w.window_start;
