-- Distinct listeners of an artist by calendar month, and of all months together (month is null). Whole months, because
-- an artist's listeners are kept by month: those that the range touches.
CREATE FUNCTION analytics.artist_audience(
    artist_id text, since date DEFAULT '1970-01-01', until date DEFAULT 'infinity'
)
RETURNS TABLE (
    month date,
    listeners bigint,
    streams bigint,
    streams_per_listener double precision,
    super_listeners bigint,
    share_of_super_listeners double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' SET work_mem = '64MB' ROWS 12
BEGIN ATOMIC
    -- How many listeners have how many streams: the top of so short a list is found without sorting listeners.
    WITH counts AS (
        SELECT
            r.month,
            r.streams,
            count(*) AS listeners
        FROM rollup.artist_listeners AS r
        WHERE
            r.artist_id = artist_audience.artist_id
            AND r.month >= date_trunc('month', artist_audience.since::timestamp)::date
            AND r.month < artist_audience.until
        GROUP BY r.month, r.streams
        UNION ALL
        SELECT
            null AS month,
            l.streams,
            count(*) AS listeners
        FROM (
            SELECT rollup.total(r.streams) AS streams
            FROM rollup.artist_listeners AS r
            WHERE
                r.artist_id = artist_audience.artist_id
                AND r.month >= date_trunc('month', artist_audience.since::timestamp)::date
                AND r.month < artist_audience.until
            GROUP BY r.user_id
        ) AS l
        GROUP BY l.streams
    ),

    ranked AS (
        SELECT
            c.month,
            c.streams,
            c.listeners,
            -- Those of them who belong to the top 2 %.
            least(
                c.listeners,
                greatest(
                    ceil(sum(c.listeners) OVER (PARTITION BY c.month) * 0.02)
                    - coalesce(
                        sum(c.listeners) OVER (
                            PARTITION BY c.month
                            ORDER BY c.streams DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                        ), 0
                    ), 0
                )
            ) AS super_listeners
        FROM counts AS c
    )

    SELECT
        r.month,
        sum(r.listeners)::bigint AS listeners,
        sum(r.listeners * r.streams)::bigint AS streams,
        sum(r.listeners * r.streams)::double precision / sum(r.listeners) AS streams_per_listener,
        sum(r.super_listeners)::bigint AS super_listeners,
        sum(r.super_listeners * r.streams)::double precision / nullif(sum(r.listeners * r.streams), 0)
            AS share_of_super_listeners
    FROM ranked AS r
    GROUP BY r.month
    ORDER BY r.month NULLS FIRST;
END;
