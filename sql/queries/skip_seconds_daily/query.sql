-- How many playbacks were still going after so many seconds, and how many of these were skipped in the next one.
CREATE VIEW analytics.skip_seconds_daily AS
SELECT
    e.day,
    e.second,
    e.plays AS ended,
    e.skipped,
    sum(e.plays) OVER (PARTITION BY e.day ORDER BY e.second DESC)::bigint AS still_playing,
    e.skipped::double precision
    / nullif(sum(e.plays) OVER (PARTITION BY e.day ORDER BY e.second DESC), 0) AS skip_hazard
FROM rollup.endings_by_day AS e;
