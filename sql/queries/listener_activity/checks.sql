-- Rows that must not exist.
SELECT a.day
FROM analytics.listener_activity AS a
WHERE
    a.daily_active_listeners > a.weekly_active_listeners
    OR a.weekly_active_listeners > a.monthly_active_listeners
    OR a.daily_active_listeners <> a.new_listeners + a.returning_listeners + a.resurrected_listeners
    OR a.dormant_listeners < 0;
