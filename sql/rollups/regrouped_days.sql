-- The days on which a listener or device was active that has come to belong to another group since the last refresh:
-- what is stored of their groups is of before.
CREATE FUNCTION rollup.regrouped_days() RETURNS SETOF date
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.day FROM rollup.activity AS a
    WHERE
        EXISTS (
            SELECT FROM rollup.regrouped_users AS k
            INNER JOIN rollup.listeners AS r ON r.grain = 'day' AND r.period_start = a.day AND k.user_key = r.user_key
        )
        OR EXISTS (
            SELECT FROM rollup.regrouped_devices AS k
            INNER JOIN rollup.devices AS r ON r.grain = 'day' AND r.period_start = a.day AND k.device_id = r.device_id
        );
END;
