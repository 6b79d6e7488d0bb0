-- Groups of listeners and devices per day, with their distinct counts: what cannot be added up from other days, and
-- takes too long to count at every look. Kept for days that are over and at rest; the views count the others anew.
-- depends: 0070.lighter-rollups

CREATE TABLE rollup.listener_groups (
    day date NOT NULL,
    age_group text NOT NULL,
    gender text NOT NULL,
    subscription text NOT NULL,
    country text NOT NULL,
    listeners bigint NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (day, age_group, gender, subscription, country)
);

CREATE TABLE rollup.device_groups (
    day date NOT NULL,
    device_type text NOT NULL,
    platform text NOT NULL,
    listeners bigint NOT NULL,
    devices bigint NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (day, device_type, platform)
);

-- A day is either here or in the tables of groups, with the groups as they are.
CREATE TABLE rollup.unsettled_days (day date PRIMARY KEY);
COMMENT ON TABLE rollup.unsettled_days IS
'Days whose groups are not stored: open ones, and those that the last refresh touched';
INSERT INTO rollup.unsettled_days (day)
SELECT DISTINCT r.period_start FROM rollup.listeners AS r
WHERE r.grain = 'day';

-- Listeners and devices that came to belong to another group after facts of theirs were counted.
CREATE TABLE rollup.regrouped_users (user_key bigint NOT NULL);
CREATE TABLE rollup.regrouped_devices (device_id text NOT NULL);

CREATE FUNCTION rollup.note_regrouped_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO rollup.regrouped_users (user_key) VALUES (NEW.user_key);
    RETURN NULL;
END
$$;
CREATE FUNCTION rollup.note_regrouped_device() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO rollup.regrouped_devices (device_id) VALUES (NEW.device_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER note_regrouped AFTER UPDATE ON warehouse.users
FOR EACH ROW
WHEN (
    (old.birth_date, old.gender, old.subscription, old.country)
    IS DISTINCT FROM (new.birth_date, new.gender, new.subscription, new.country)
)
EXECUTE FUNCTION rollup.note_regrouped_user();
CREATE TRIGGER note_regrouped AFTER UPDATE ON warehouse.devices
FOR EACH ROW
WHEN ((old.user_id, old.device_type, old.platform) IS DISTINCT FROM (new.user_id, new.device_type, new.platform))
EXECUTE FUNCTION rollup.note_regrouped_device();
