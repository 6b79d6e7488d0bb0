SELECT
    f.event_id,
    count(*) AS facts,
    min(f.event_date) AS first_day,
    max(f.event_date) AS last_day
FROM warehouse.stream_events AS f
GROUP BY f.event_id
HAVING count(*) > 1;
