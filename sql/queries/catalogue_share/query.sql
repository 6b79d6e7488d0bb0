-- How much of the listening the most played songs have: of all songs that were played in the range, the top 1, 5, 10
-- and 50 per cent by streams, and all of them. Songs that nobody played are not ranked; how much of the whole catalogue
-- the ranked ones are stands beside it, null while no song is known.
CREATE FUNCTION analytics.catalogue_share(since date, until date)
RETURNS TABLE (
    top_percent integer,
    songs bigint,
    share_of_catalogue double precision,
    streams bigint,
    share_of_streams double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 5
BEGIN ATOMIC
    WITH sums AS (
        SELECT
            c.content_id,
            sum(p.sign * c.streams) AS streams
        FROM rollup.periods(catalogue_share.since, catalogue_share.until) AS p
        INNER JOIN rollup.content AS c ON p.grain = c.grain AND p.period_start = c.period_start
        WHERE c.content_type = 'song'
        GROUP BY c.content_id
        HAVING sum(p.sign * c.plays) > 0
    ),

    ranked AS (
        SELECT
            s.streams,
            row_number() OVER (ORDER BY s.streams DESC) AS rank,
            count(*) OVER () AS songs
        FROM sums AS s
    )

    SELECT
        t.top_percent,
        count(*) AS songs,
        count(*)::double precision / nullif((SELECT count(*) FROM warehouse.songs), 0) AS share_of_catalogue,
        sum(r.streams)::bigint AS streams,
        sum(r.streams)::double precision / nullif((SELECT sum(s.streams) FROM sums AS s), 0) AS share_of_streams
    FROM ranked AS r
    INNER JOIN (VALUES (1), (5), (10), (50), (100)) AS t (top_percent)
        ON r.rank <= ceil(r.songs * t.top_percent / 100.0)
    GROUP BY t.top_percent
    ORDER BY t.top_percent;
END;
