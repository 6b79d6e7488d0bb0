-- Gives numbers to the listeners and devices of this refresh (rollup_changes) that have none yet, and to the listeners
-- to whom these devices, and those of another owner since the last refresh, belong.
CREATE FUNCTION rollup.number_members() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rollup.listener_numbers (user_id, number)
    SELECT m.user_id, coalesce((SELECT max(k.number) FROM rollup.listener_numbers AS k), -1) + row_number() OVER ()
    FROM (
        SELECT user_id FROM rollup_changes
        UNION
        SELECT d.user_id FROM warehouse.devices AS d
        WHERE d.device_id IN (
            SELECT device_id FROM rollup_changes UNION SELECT k.device_id FROM rollup.regrouped_devices AS k
        )
    ) AS m
    WHERE m.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM rollup.listener_numbers AS n WHERE n.user_id = m.user_id);
    INSERT INTO rollup.device_numbers (device_id, number)
    SELECT m.device_id, coalesce((SELECT max(k.number) FROM rollup.device_numbers AS k), -1) + row_number() OVER ()
    FROM (SELECT DISTINCT device_id FROM rollup_changes) AS m
    WHERE NOT EXISTS (SELECT FROM rollup.device_numbers AS n WHERE n.device_id = m.device_id);
END
$$;
