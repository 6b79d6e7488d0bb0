-- Rows that must not exist.
SELECT count(*) AS cells
FROM analytics.listening_hours(current_date - 29, current_date + 1) AS h
HAVING count(*) > 168 OR abs(sum(h.share_of_streams) - 1) > 1e-9;
