-- Who was active in each group on each settled day, as bits, and what was played: the union of thirty days is counted
-- in milliseconds, where their listeners take a row each per day.
-- depends: 0071.groups-of-days 0094.every-offset

-- Numbers without gaps, from 0, of all that were ever counted and of the listeners to whom the devices belong.
CREATE TABLE rollup.listener_numbers (
    user_id text PRIMARY KEY,
    number integer NOT NULL UNIQUE
);
CREATE TABLE rollup.device_numbers (
    device_id text PRIMARY KEY,
    number integer NOT NULL UNIQUE
);

CREATE TABLE rollup.listener_sets (
    day date NOT NULL,
    grouped_by text NOT NULL,
    group_name text NOT NULL,
    block integer NOT NULL,
    members bit(4096) NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (day, grouped_by, group_name, block)
);
COMMENT ON TABLE rollup.listener_sets IS
'The listener with number 4096 * block + n was active on the day in the group if bit n of members is 1; and what all of them played';

CREATE TABLE rollup.device_sets (
    day date NOT NULL,
    device_type text NOT NULL,
    platform text NOT NULL,
    counted text NOT NULL CHECK (counted IN ('devices', 'listeners')),
    block integer NOT NULL,
    members bit(4096) NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (day, device_type, platform, counted, block)
);
COMMENT ON TABLE rollup.device_sets IS
'Likewise the devices with what was played on them, and the listeners to whom they belong with nothing played';

DO $$
BEGIN
    EXECUTE format(
        'CREATE AGGREGATE rollup.set_of (integer, integer) (sfunc = set_bit, stype = bit, initcond = %L)', repeat('0', 4096)
    );
END
$$;
COMMENT ON AGGREGATE rollup.set_of (integer, integer) IS '4096 bits, the given ones as given, the others 0; null is none';

INSERT INTO rollup.listener_numbers (user_id, number)
SELECT
    m.user_id,
    row_number() OVER () - 1 AS number
FROM (
    SELECT s.user_id FROM rollup.listener_sources AS s
    UNION
    SELECT d.user_id FROM warehouse.devices AS d
    WHERE d.user_id IS NOT null
) AS m;
INSERT INTO rollup.device_numbers (device_id, number)
SELECT
    m.device_id,
    row_number() OVER () - 1 AS number
FROM (SELECT DISTINCT r.device_id FROM rollup.devices AS r) AS m;

-- Sets are made where groups are: when a day is settled.
INSERT INTO rollup.unsettled_days (day)
SELECT DISTINCT g.day FROM rollup.listener_groups AS g;
DELETE FROM rollup.listener_groups;
DELETE FROM rollup.device_groups;
