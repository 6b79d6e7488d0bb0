CREATE FUNCTION analytics.places(since date, until date, grouped_by text DEFAULT 'country')
RETURNS TABLE (
    country text,
    city text,
    latitude double precision,
    longitude double precision,
    plays bigint,
    streams bigint,
    minutes_played double precision,
    share_of_streams double precision,
    completion_rate double precision,
    skip_rate double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 100
BEGIN ATOMIC
    WITH used AS (
        SELECT
            r.location_id,
            sum(p.sign * r.plays) AS plays,
            sum(p.sign * r.streams) AS streams,
            sum(p.sign * r.completed) AS completed,
            sum(p.sign * r.skipped) AS skipped,
            sum(p.sign * r.ms_played) AS ms_played
        FROM rollup.periods(places.since, places.until) AS p
        INNER JOIN rollup.locations AS r ON p.grain = r.grain AND p.period_start = r.period_start
        GROUP BY r.location_id
        HAVING sum(p.sign * r.plays) > 0
    )

    SELECT
        coalesce(l.country, 'unknown') AS country,
        CASE WHEN places.grouped_by = 'city' THEN coalesce(l.city, 'unknown') END AS city,
        CASE WHEN places.grouped_by = 'city' THEN min(l.latitude) END AS latitude,
        CASE WHEN places.grouped_by = 'city' THEN min(l.longitude) END AS longitude,
        sum(u.plays)::bigint AS plays,
        sum(u.streams)::bigint AS streams,
        sum(u.ms_played) / 60000.0 AS minutes_played,
        sum(u.streams)::double precision / nullif(sum(sum(u.streams)) OVER (), 0) AS share_of_streams,
        sum(u.completed)::double precision / nullif(sum(u.plays), 0) AS completion_rate,
        sum(u.skipped)::double precision / nullif(sum(u.plays), 0) AS skip_rate
    FROM used AS u
    LEFT JOIN warehouse.locations AS l ON u.location_id = l.location_id
    WHERE rollup.is_known_word('grouped_by', places.grouped_by, ARRAY['country', 'city'])
    GROUP BY 1, 2, CASE WHEN places.grouped_by = 'city' THEN u.location_id END
    ORDER BY 6 DESC, 1 ASC, 2 ASC;
END;
