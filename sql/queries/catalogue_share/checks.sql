-- Rows that must not exist.
SELECT c.top_percent
FROM analytics.catalogue_share(current_date - 29, current_date + 1) AS c
WHERE c.share_of_streams NOT BETWEEN 0 AND 1 + 1e-9 OR c.top_percent = 100 AND abs(c.share_of_streams - 1) > 1e-9;
