-- Rows that must not exist.
SELECT
    m.user_id,
    m.event_time
FROM analytics.my_listening AS m
WHERE
    m.local_month <> date_trunc('month', m.local_day)::date
    OR m.local_year <> to_char(m.local_day, 'YYYY')
    OR abs(m.local_day - (m.event_time AT TIME ZONE 'UTC')::date) > 1;
