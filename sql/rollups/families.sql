-- The tables of sums: name, key columns, what they are computed from, and what has to be joined for it.
CREATE FUNCTION rollup.families()
RETURNS TABLE (name text, keys text, sources text, joined text)
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT
        f.name,
        f.keys,
        f.sources,
        f.joined
    FROM (
        VALUES
        (
            'content', 'content_type, content_id', 'k.content_type, k.content_id',
            'CROSS JOIN LATERAL (VALUES (''song'', c.song_id), (''artist'', c.artist_id), (''album'', c.album_id), '
            || '(''genre'', c.genre)) AS k (content_type, content_id)'
        ),
        ('listeners', 'user_key', 'c.user_key', ''),
        ('devices', 'device_id', 'c.device_id', ''),
        ('locations', 'location_id', 'c.location_id', ''),
        (
            'local_hours', 'country, time_zone, weekday, hour',
            'c.country, c.time_zone, extract(ISODOW FROM k.local_time)::smallint AS weekday, '
            || 'extract(HOUR FROM k.local_time)::smallint AS hour',
            'CROSS JOIN LATERAL (VALUES (c.event_time AT TIME ZONE c.time_zone)) AS k (local_time)'
        )
    ) AS f (name, keys, sources, joined);
END;
