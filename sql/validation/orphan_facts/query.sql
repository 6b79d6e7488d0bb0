SELECT
    missing.dimension,
    missing.id,
    missing.facts
FROM (
    SELECT
        'users' AS dimension,
        f.user_id AS id,
        count(*) AS facts
    FROM warehouse.stream_events AS f
    WHERE
        NOT EXISTS (
            SELECT FROM warehouse.users AS d
            WHERE d.user_id = f.user_id
        )
    GROUP BY f.user_id
    UNION ALL
    SELECT
        'songs' AS dimension,
        f.song_id AS id,
        count(*) AS facts
    FROM warehouse.stream_events AS f
    WHERE
        NOT EXISTS (
            SELECT FROM warehouse.songs AS d
            WHERE d.song_id = f.song_id
        )
    GROUP BY f.song_id
    UNION ALL
    SELECT
        'artists' AS dimension,
        f.artist_id AS id,
        count(*) AS facts
    FROM warehouse.stream_events AS f
    WHERE
        NOT EXISTS (
            SELECT FROM warehouse.artists AS d
            WHERE d.artist_id = f.artist_id
        )
    GROUP BY f.artist_id
    UNION ALL
    SELECT
        'albums' AS dimension,
        f.album_id AS id,
        count(*) AS facts
    FROM warehouse.stream_events AS f
    WHERE
        NOT EXISTS (
            SELECT FROM warehouse.albums AS d
            WHERE d.album_id = f.album_id
        )
    GROUP BY f.album_id
    UNION ALL
    SELECT
        'devices' AS dimension,
        f.device_id AS id,
        count(*) AS facts
    FROM warehouse.stream_events AS f
    WHERE
        NOT EXISTS (
            SELECT FROM warehouse.devices AS d
            WHERE d.device_id = f.device_id
        )
    GROUP BY f.device_id
    UNION ALL
    SELECT
        'locations' AS dimension,
        f.location_id AS id,
        count(*) AS facts
    FROM warehouse.stream_events AS f
    WHERE
        NOT EXISTS (
            SELECT FROM warehouse.locations AS d
            WHERE d.location_id = f.location_id
        )
    GROUP BY f.location_id
) AS missing
ORDER BY missing.facts DESC;
