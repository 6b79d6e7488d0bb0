SELECT
    f.event_id,
    f.event_time,
    CASE
        WHEN f.ms_played NOT BETWEEN 0 AND 86400000 THEN 'ms_played'
        WHEN f.song_duration_ms <= 0 THEN 'song_duration_ms'
        WHEN f.event_date <> (f.event_time AT TIME ZONE 'UTC')::date THEN 'event_date'
        WHEN f.started_at > f.event_time THEN 'started_at'
        WHEN f.event_time > f.kafka_timestamp + interval '5 minutes' THEN 'event_time'
        WHEN f.is_completed <> (f.ms_played >= 0.9 * f.song_duration_ms) THEN 'is_completed'
        ELSE 'is_stream'
    END AS impossible
FROM warehouse.stream_events AS f
WHERE
    f.ms_played NOT BETWEEN 0 AND 86400000
    OR f.song_duration_ms <= 0
    OR f.event_date <> (f.event_time AT TIME ZONE 'UTC')::date
    OR f.started_at > f.event_time
    OR f.event_time > f.kafka_timestamp + interval '5 minutes'
    OR f.is_completed <> (f.ms_played >= 0.9 * f.song_duration_ms)
    OR f.is_stream <> CASE
        WHEN f.song_duration_ms < 30000 THEN f.ms_played >= 0.9 * f.song_duration_ms
        ELSE f.ms_played >= 30000
    END;
