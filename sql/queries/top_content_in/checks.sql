-- Rows that must not exist: an artist of all time, who is summed from the longest periods, has other streams than on
-- all days.
SELECT
    t.content_id,
    t.streams,
    d.streams AS streams_of_days
FROM analytics.top_content_in('artist', 'all_time', 20) AS t
CROSS JOIN
    LATERAL (
        SELECT sum(c.streams) AS streams FROM analytics.content_daily AS c
        WHERE
            c.content_type = 'artist' AND c.content_id = t.content_id
            AND c.day <= (now() AT TIME ZONE 'UTC')::date
    ) AS d
WHERE t.streams IS DISTINCT FROM d.streams;
