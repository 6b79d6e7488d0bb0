-- Adds to rollup_changes the counted facts whose dimension has changed under them: out of the old key, into the new.
CREATE FUNCTION rollup.collect_moves(counted rollup.state) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup_changes
    SELECT
        side.sign, 'listeners', f.event_date, f.event_time, f.user_id, side.user_key,
        f.song_id, f.artist_id, f.album_id, f.genre, f.device_id, f.location_id, 'unknown', 'UTC',
        f.ms_played, f.is_stream, f.is_completed, f.skipped, f.liked, f.added_to_playlist, f.source
    FROM (
        SELECT v.user_id, min(v.valid_from) AS valid_from
        FROM warehouse.users AS v
        WHERE v.user_key > counted.user_key
        GROUP BY v.user_id
    ) AS changed
    JOIN warehouse.stream_events AS f
        ON f.user_id = changed.user_id AND f.event_time >= changed.valid_from
        AND f.event_date >= (changed.valid_from AT TIME ZONE 'UTC')::date
        AND f.ingested_at <= counted.ingested_until
    -- A new version splits the newest known one.
    CROSS JOIN LATERAL (
        SELECT -1 AS sign, max(o.user_key) AS user_key
        FROM warehouse.users AS o
        WHERE o.user_id = f.user_id AND o.user_key <= counted.user_key
        UNION ALL
        SELECT 1, n.user_key
        FROM warehouse.users AS n
        WHERE n.user_id = f.user_id AND n.valid_from <= f.event_time AND f.event_time < n.valid_to
    ) AS side;

    INSERT INTO rollup_changes
    SELECT
        side.sign, 'local_hours', f.event_date, f.event_time, f.user_id, null,
        f.song_id, f.artist_id, f.album_id, f.genre, f.device_id, f.location_id, side.country, side.time_zone,
        f.ms_played, f.is_stream, f.is_completed, f.skipped, f.liked, f.added_to_playlist, f.source
    FROM (
        SELECT DISTINCT ON (m.location_id) m.location_id, m.country, m.time_zone
        FROM rollup.moved_locations AS m
        ORDER BY m.location_id, m.id
    ) AS old
    JOIN rollup.locations AS r ON r.grain = 'day' AND r.location_id = old.location_id
    JOIN warehouse.stream_events AS f
        ON f.event_date = r.period_start AND f.location_id = old.location_id
        AND f.ingested_at <= counted.ingested_until
    JOIN rollup_places AS l ON l.location_id = old.location_id
    CROSS JOIN LATERAL (
        VALUES
        (-1, coalesce(old.country, 'unknown'), rollup.usable_time_zone(old.time_zone)),
        (1, l.country, l.time_zone)
    ) AS side (sign, country, time_zone);
END
$$;
