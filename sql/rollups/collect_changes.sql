-- Fills the temporary table rollup_changes with what happened to the facts since the last refresh: each row a fact with
-- the sign of its effect. Scope is null where the row counts for every rollup, otherwise the only one that it moves.
--   1. the facts of the batches after the last refresh;
--   2. facts that were counted and have changed or gone since;
--   3. facts that belong to another version of their user since a newer version arrived;
--   4. facts of places whose time zone or country has become known.
CREATE FUNCTION rollup.collect_changes(counted rollup.state, ingested_until timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    collected bigint;
BEGIN
    CREATE TEMPORARY TABLE rollup_places ON COMMIT DROP AS
    SELECT l.location_id, coalesce(l.country, 'unknown') AS country, rollup.usable_time_zone(l.time_zone) AS time_zone
    FROM warehouse.locations AS l;

    CREATE TEMPORARY TABLE rollup_changes ON COMMIT DROP AS
    SELECT
        f.sign, null::text AS scope, f.event_date AS day, f.event_time, f.user_id, coalesce(f.user_key, 0) AS user_key,
        f.song_id, f.artist_id, f.album_id, f.genre, f.device_id, f.location_id,
        coalesce(f.country, 'unknown') AS country, coalesce(f.time_zone, 'UTC') AS time_zone,
        f.ms_played, f.is_stream, f.is_completed, f.skipped, f.liked, f.added_to_playlist, f.source
    FROM (
        SELECT
            1 AS sign, n.event_date, n.event_time, n.user_id, n.song_id, n.artist_id, n.album_id, n.genre, n.device_id,
            n.location_id, n.ms_played, n.is_stream, n.is_completed, n.skipped, n.liked, n.added_to_playlist,
            n.source, u.user_key, l.country, l.time_zone
        FROM warehouse.stream_events AS n
        LEFT JOIN warehouse.users AS u
            ON u.user_id = n.user_id AND u.valid_from <= n.event_time AND n.event_time < u.valid_to
        LEFT JOIN rollup_places AS l ON l.location_id = n.location_id
        WHERE n.ingested_at > counted.ingested_until AND n.ingested_at <= collect_changes.ingested_until
        UNION ALL
        -- Under the version and the place by which the fact was counted: what still exists of it moves from there.
        SELECT
            c.sign, c.event_date, c.event_time, c.user_id, c.song_id, c.artist_id, c.album_id, c.genre, c.device_id,
            c.location_id, c.ms_played, c.is_stream, c.is_completed, c.skipped, c.liked, c.added_to_playlist,
            c.source, known.user_key,
            CASE WHEN old.location_id IS NULL THEN l.country ELSE old.country END,
            CASE WHEN old.location_id IS NULL THEN l.time_zone ELSE rollup.usable_time_zone(old.time_zone) END
        FROM rollup.corrections AS c
        LEFT JOIN LATERAL (
            SELECT u.user_key FROM warehouse.users AS u
            WHERE u.user_id = c.user_id AND u.valid_from <= c.event_time AND u.user_key <= counted.user_key
            ORDER BY u.valid_from DESC
            LIMIT 1
        ) AS known ON true
        LEFT JOIN rollup_places AS l ON l.location_id = c.location_id
        LEFT JOIN (
            SELECT DISTINCT ON (m.location_id) m.location_id, m.country, m.time_zone
            FROM rollup.moved_locations AS m
            ORDER BY m.location_id, m.id
        ) AS old ON old.location_id = c.location_id
        -- What was not counted yet is read in its newest state by a later refresh.
        WHERE c.ingested_at <= counted.ingested_until
    ) AS f;
    GET DIAGNOSTICS collected = ROW_COUNT;
    DELETE FROM rollup.corrections;

    IF counted.ingested_until > '-infinity' THEN
        PERFORM rollup.collect_moves(counted);
    END IF;
    DELETE FROM rollup.moved_locations;
    DROP TABLE rollup_places;
    ANALYZE rollup_changes;
    RETURN collected;
END
$$;
