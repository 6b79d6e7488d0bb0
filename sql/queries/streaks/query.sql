-- Runs of consecutive days (UTC) on which a listener played something; a run that reaches yesterday is still going.
CREATE FUNCTION analytics.streaks(max_rows integer DEFAULT 10, only_of text DEFAULT null)
RETURNS TABLE (
    rank bigint,
    user_id text,
    first_day date,
    last_day date,
    days integer,
    is_current boolean
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' ROWS 10
BEGIN ATOMIC
    SELECT
        row_number() OVER (ORDER BY s.streak_days DESC, s.day DESC, s.user_id ASC) AS rank,
        s.user_id,
        s.day - s.streak_days + 1 AS first_day,
        s.day AS last_day,
        s.streak_days AS days,
        s.day >= (now() AT TIME ZONE 'UTC')::date - 1 AS is_current
    FROM (
        SELECT
            d.user_id,
            d.day,
            d.streak_days
        FROM rollup.user_days AS d
        WHERE d.next_day > d.day + 1 AND (streaks.only_of IS null OR d.user_id = streaks.only_of)
        ORDER BY d.streak_days DESC, d.day DESC, d.user_id ASC
        LIMIT streaks.max_rows
    ) AS s
    ORDER BY 1;
END;
