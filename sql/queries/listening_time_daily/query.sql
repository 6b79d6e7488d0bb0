CREATE VIEW analytics.listening_time_daily AS
SELECT
    a.day,
    a.active AS listeners,
    g.plays,
    g.streams,
    g.ms_played,
    g.ms_played / 3600000.0 AS hours_played,
    g.ms_played / 60000.0 / nullif(a.active, 0) AS minutes_per_listener,
    g.streams::double precision / nullif(a.active, 0) AS streams_per_listener,
    a.first_listens,
    a.first_listens::double precision / nullif(g.plays, 0) AS discovery_rate
FROM rollup.activity AS a
INNER JOIN (
    SELECT
        c.period_start AS day,
        sum(c.plays)::bigint AS plays,
        sum(c.streams)::bigint AS streams,
        sum(c.ms_played)::bigint AS ms_played
    FROM rollup.content AS c
    WHERE c.grain = 'day' AND c.content_type = 'genre'
    GROUP BY c.period_start
) AS g ON a.day = g.day;
