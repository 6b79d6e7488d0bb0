-- Adds rollup_changes to the rollups of songs: where playbacks end, who listens to an artist, who heard a song first
-- when.
CREATE FUNCTION rollup.apply_songs(ingested_until timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup.endings AS r (month, song_id, second, plays, skipped)
    SELECT date_trunc('month', day::timestamp)::date, song_id, least(ms_played / 1000, 3600), sum(sign),
        sum(sign * skipped::int)
    FROM rollup_changes WHERE scope IS NULL
    GROUP BY 1, 2, 3 HAVING (sum(sign), sum(sign * skipped::int)) <> (0, 0)
    ORDER BY 2, 1, 3
    ON CONFLICT (song_id, month, second) DO UPDATE
    SET plays = r.plays + excluded.plays, skipped = r.skipped + excluded.skipped;

    INSERT INTO rollup.endings_by_day AS r (day, second, plays, skipped)
    SELECT day, least(ms_played / 1000, 3600), sum(sign), sum(sign * skipped::int)
    FROM rollup_changes WHERE scope IS NULL
    GROUP BY 1, 2 HAVING (sum(sign), sum(sign * skipped::int)) <> (0, 0)
    ON CONFLICT (day, second) DO UPDATE
    SET plays = r.plays + excluded.plays, skipped = r.skipped + excluded.skipped;

    INSERT INTO rollup.artist_listeners AS r (month, artist_id, user_id, plays, streams, ms_played)
    SELECT date_trunc('month', day::timestamp)::date, artist_id, user_id, sum(sign), sum(sign * is_stream::int),
        rollup.total(sign * ms_played)
    FROM rollup_changes WHERE scope IS NULL
    GROUP BY 1, 2, 3 HAVING (sum(sign), sum(sign * is_stream::int), rollup.total(sign * ms_played)) <> (0, 0, 0)
    ORDER BY 2, 1, 3
    ON CONFLICT (artist_id, month, user_id) DO UPDATE SET
        plays = r.plays + excluded.plays, streams = r.streams + excluded.streams,
        ms_played = r.ms_played + excluded.ms_played;

    WITH changed AS (
        INSERT INTO rollup.first_listens AS r (user_id, song_id, plays, first_at)
        SELECT user_id, song_id, sum(sign), min(event_time)
        FROM rollup_changes WHERE scope IS NULL
        GROUP BY 1, 2 HAVING sum(sign) <> 0
        ORDER BY 1, 2
        ON CONFLICT (user_id, song_id) DO UPDATE
        SET plays = r.plays + excluded.plays, first_at = least(r.first_at, excluded.first_at)
        RETURNING old.first_at AS before, new.first_at AS after
    )
    INSERT INTO rollup.activity AS r (day, first_listens)
    SELECT (side.at AT TIME ZONE 'UTC')::date, sum(side.sign)
    FROM changed CROSS JOIN LATERAL (VALUES (-1, before), (1, after)) AS side (sign, at)
    WHERE side.at IS NOT NULL AND before IS DISTINCT FROM after
    GROUP BY 1 HAVING sum(side.sign) <> 0
    ON CONFLICT (day) DO UPDATE SET first_listens = r.first_listens + excluded.first_listens;

    IF EXISTS (SELECT FROM rollup_changes WHERE sign < 0 AND scope IS NULL) THEN
        PERFORM rollup.take_back_songs(ingested_until);
    END IF;
END
$$;
