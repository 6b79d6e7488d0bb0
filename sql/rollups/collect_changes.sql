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
        f.sign, null::text AS scope, f.event_date AS day, f.event_time, f.user_id, coalesce(u.user_key, 0) AS user_key,
        f.song_id, f.artist_id, f.album_id, f.genre, f.device_id, f.location_id,
        coalesce(l.country, 'unknown') AS country, coalesce(l.time_zone, 'UTC') AS time_zone,
        f.ms_played, f.is_stream, f.is_completed, f.skipped, f.liked, f.added_to_playlist, f.source
    FROM (
        SELECT
            1 AS sign, n.event_date, n.event_time, n.user_id, n.song_id, n.artist_id, n.album_id, n.genre, n.device_id,
            n.location_id, n.ms_played, n.is_stream, n.is_completed, n.skipped, n.liked, n.added_to_playlist,
            n.source
        FROM warehouse.stream_events AS n
        WHERE n.ingested_at > counted.ingested_until AND n.ingested_at <= collect_changes.ingested_until
        UNION ALL
        SELECT
            c.sign, c.event_date, c.event_time, c.user_id, c.song_id, c.artist_id, c.album_id, c.genre, c.device_id,
            c.location_id, c.ms_played, c.is_stream, c.is_completed, c.skipped, c.liked, c.added_to_playlist,
            c.source
        FROM rollup.corrections AS c
        -- What was not counted yet is read in its newest state by a later refresh.
        WHERE c.ingested_at <= counted.ingested_until
    ) AS f
    LEFT JOIN warehouse.users AS u
        ON u.user_id = f.user_id AND u.valid_from <= f.event_time AND f.event_time < u.valid_to
    LEFT JOIN rollup_places AS l ON l.location_id = f.location_id;
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
