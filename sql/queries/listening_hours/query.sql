CREATE FUNCTION analytics.listening_hours(since date, until date, in_country text DEFAULT null)
RETURNS TABLE (
    weekday smallint,
    weekday_name text,
    hour smallint,
    plays bigint,
    streams bigint,
    minutes_played double precision,
    share_of_streams double precision,
    skip_rate double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 168
BEGIN ATOMIC
    SELECT
        r.weekday,
        (ARRAY['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])[r.weekday]
            AS weekday_name,
        r.hour,
        sum(p.sign * r.plays)::bigint AS plays,
        sum(p.sign * r.streams)::bigint AS streams,
        sum(p.sign * r.ms_played) / 60000.0 AS minutes_played,
        sum(p.sign * r.streams)::double precision / nullif(sum(sum(p.sign * r.streams)) OVER (), 0) AS share_of_streams,
        sum(p.sign * r.skipped)::double precision / nullif(sum(p.sign * r.plays), 0) AS skip_rate
    FROM rollup.periods(listening_hours.since, listening_hours.until) AS p
    INNER JOIN rollup.local_hours AS r ON p.grain = r.grain AND p.period_start = r.period_start
    WHERE listening_hours.in_country IS null OR r.country = listening_hours.in_country
    GROUP BY r.weekday, r.hour
    HAVING sum(p.sign * r.plays) > 0
    ORDER BY r.weekday, r.hour;
END;
