-- What is played more in the last hour than its own past and the platform's volume explain. The score is the test of
-- two Poisson rates on the square-root scale,
--     2 * (sqrt(x + 3/8) - sqrt(rho * (y + 3/8))) / sqrt(1 + rho),
-- where x and y are the content's streams in the last hour and in the seven days and the part of a day before it, and
-- rho is the ratio of all streams in these two: what grows like the whole platform at this time of the day scores
-- about 0. The square root makes the variance of a Poisson count constant (Anscombe 1948, Biometrika 35), so that the
-- score is close to a standard normal deviate even for small counts (Huffman 1984, Applied Statistics 33; compared with
-- others by Gu, Ng, Tang and Schucany 2008, Biometrical Journal 50): 3 streams after none score less than 60 where 20
-- were expected.
CREATE FUNCTION analytics.trending(content_type text, max_rows integer DEFAULT 10, at timestamptz DEFAULT now())
RETURNS TABLE (
    rank bigint,
    content_id text,
    content_name text,
    artist_name text,
    score double precision,
    streams bigint,
    expected_streams double precision,
    growth double precision
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 10
BEGIN ATOMIC
    -- One look at the windows from the hour on. Of a moment that is past the window that was not over yet is left out,
    -- for it holds what came later; of now it counts as far as it has come.
    WITH windows AS (
        SELECT
            m.content_id,
            sum(m.streams) FILTER (
                WHERE m.window_start < trending.at AND (m.window_end <= trending.at OR trending.at >= now())
            ) AS streams,
            sum(m.streams) FILTER (
                WHERE m.window_start < date_trunc('day', trending.at - interval '1 hour', 'UTC') + interval '24 hours'
            ) AS streams_of_day
        FROM metrics.content_performance AS m
        WHERE
            m.content_type = trending.content_type
            AND m.window_start >= trending.at - interval '1 hour'
            AND m.window_start < greatest(
                trending.at, date_trunc('day', trending.at - interval '1 hour', 'UTC') + interval '24 hours'
            )
        GROUP BY m.content_id
    ),

    -- Seven days and the one in which the hour begins, whole. The rest of that day, which is taken out below, is less
    -- to read than its beginning: for now it is the hour.
    days AS (
        SELECT
            c.content_id,
            sum(p.sign * c.streams) AS streams
        FROM
            rollup.periods(
                ((trending.at - interval '1 hour') AT TIME ZONE 'UTC')::date - 7,
                ((trending.at - interval '1 hour') AT TIME ZONE 'UTC')::date + 1
            ) AS p
        INNER JOIN rollup.content AS c ON p.grain = c.grain AND p.period_start = c.period_start
        WHERE c.content_type = trending.content_type
        GROUP BY c.content_id
    ),

    counts AS (
        SELECT
            w.content_id,
            w.streams::double precision AS streams,
            greatest(coalesce(d.streams, 0) - coalesce(w.streams_of_day, 0), 0)::double precision AS past_streams
        FROM windows AS w
        LEFT JOIN days AS d ON w.content_id = d.content_id
        WHERE w.streams > 0
    ),

    ratio AS (
        SELECT
            (SELECT sum(w.streams) FROM windows AS w)::double precision
            / greatest(
                (SELECT sum(d.streams) FROM days AS d)
                - coalesce((SELECT sum(w.streams_of_day) FROM windows AS w), 0), 1
            ) AS rho
    ),

    scored AS (
        SELECT
            c.content_id,
            c.streams,
            c.past_streams,
            q.rho,
            2 * (sqrt(c.streams + 0.375) - sqrt(q.rho * (c.past_streams + 0.375))) / sqrt(1 + q.rho) AS score
        FROM counts AS c
        CROSS JOIN ratio AS q
    ),

    top AS (
        SELECT s.*
        FROM scored AS s
        WHERE s.score > 0
        ORDER BY s.score DESC, s.content_id ASC
        LIMIT trending.max_rows
    )

    SELECT
        row_number() OVER (ORDER BY t.score DESC, t.content_id ASC) AS rank,
        t.content_id,
        coalesce(s.title, a.name, b.title, t.content_id) AS content_name,
        coalesce(a.name, sa.name, ba.name) AS artist_name,
        t.score,
        t.streams::bigint AS streams,
        t.rho * t.past_streams AS expected_streams,
        t.streams / nullif(t.rho * t.past_streams, 0) AS growth
    FROM top AS t
    LEFT JOIN warehouse.songs AS s ON trending.content_type = 'song' AND t.content_id = s.song_id
    LEFT JOIN warehouse.artists AS sa ON s.artist_id = sa.artist_id
    LEFT JOIN warehouse.artists AS a ON trending.content_type = 'artist' AND t.content_id = a.artist_id
    LEFT JOIN warehouse.albums AS b ON trending.content_type = 'album' AND t.content_id = b.album_id
    LEFT JOIN warehouse.artists AS ba ON b.artist_id = ba.artist_id
    WHERE rollup.is_known_word('content_type', trending.content_type, ARRAY['song', 'artist', 'album', 'genre'])
    ORDER BY 1;
END;
