-- Removes the rows that facts which are gone have left empty, and finds the first listens that they were.
CREATE FUNCTION rollup.take_back_songs(ingested_until timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rollup.endings AS r USING rollup_changes AS c
    WHERE c.sign < 0 AND c.scope IS NULL AND r.song_id = c.song_id AND r.plays = 0;
    DELETE FROM rollup.endings_by_day AS r USING rollup_changes AS c
    WHERE c.sign < 0 AND c.scope IS NULL AND r.day = c.day AND r.plays = 0;
    DELETE FROM rollup.artist_listeners AS r USING rollup_changes AS c
    WHERE c.sign < 0 AND c.scope IS NULL AND r.artist_id = c.artist_id AND r.plays = 0;

    WITH touched AS (
        SELECT
            r.user_id, r.song_id, r.first_at AS before, (
                SELECT min(f.event_time) FROM warehouse.stream_events AS f
                WHERE f.user_id = r.user_id AND f.song_id = r.song_id
                    AND f.ingested_at <= take_back_songs.ingested_until
            ) AS after
        FROM rollup.first_listens AS r
        WHERE (r.user_id, r.song_id) IN (
            SELECT user_id, song_id FROM rollup_changes WHERE scope IS NULL GROUP BY 1, 2 HAVING min(sign) < 0
        )
    ), removed AS (
        DELETE FROM rollup.first_listens AS r USING touched AS t
        WHERE r.user_id = t.user_id AND r.song_id = t.song_id AND t.after IS NULL
    ), moved AS (
        UPDATE rollup.first_listens AS r SET first_at = t.after FROM touched AS t
        WHERE r.user_id = t.user_id AND r.song_id = t.song_id AND t.after <> t.before
    )
    INSERT INTO rollup.activity AS r (day, first_listens)
    SELECT (side.at AT TIME ZONE 'UTC')::date, sum(side.sign)
    FROM touched CROSS JOIN LATERAL (VALUES (-1, before), (1, after)) AS side (sign, at)
    WHERE side.at IS NOT NULL AND before IS DISTINCT FROM after
    GROUP BY 1 HAVING sum(side.sign) <> 0
    ON CONFLICT (day) DO UPDATE SET first_listens = r.first_listens + excluded.first_listens;
END
$$;
