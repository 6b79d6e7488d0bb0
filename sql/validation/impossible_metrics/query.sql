SELECT
    w.family,
    w.window_start,
    w.plays,
    w.streams,
    w.is_final
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
        m.ms_played,
        m.is_final
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
        m.ms_played,
        m.is_final
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
        m.ms_played,
        m.is_final
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
        m.ms_played,
        m.is_final
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
        m.ms_played,
        m.is_final
    FROM metrics.hourly AS m
) AS w
WHERE
    w.plays < 1
    OR w.streams NOT BETWEEN 0 AND w.plays
    OR w.completed NOT BETWEEN 0 AND w.plays
    OR w.skipped NOT BETWEEN 0 AND w.plays
    OR w.liked NOT BETWEEN 0 AND w.plays
    OR w.ms_played < 0
    OR w.window_end <= w.window_start
    OR w.is_final <> (w.window_end <= (SELECT max(o.watermark) FROM ops.watermarks AS o));
