-- Rollups: sums of the facts per day and longer periods, and what cannot be added up (distinct listeners, first
-- listens), kept up to date by rollup.refresh (sql/rollups). The analytics views read them.
-- depends: 0002.dimensions 0003.stream-events 0005.ops

CREATE SCHEMA rollup;
COMMENT ON SCHEMA rollup IS 'Sums of the facts per period for the analytics views; derived, rebuilt by rollup.rebuild()';
GRANT USAGE ON SCHEMA rollup TO music_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA rollup GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO music_app;

-- What the files of sql/rollups and sql/queries made, so that a changed file replaces what its former version made.
CREATE TABLE public.deployed_objects (
    name text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('VIEW', 'FUNCTION')),
    position integer NOT NULL,
    sha256 text NOT NULL,
    deployed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.deployed_objects IS 'Views and functions made from sql/rollups and sql/queries, in the order of their dependencies';

-- Longer grains hold the days before rollup.state.sealed_until only: the newest days change with every event, and are
-- added to the longer grains once, when they are over.
CREATE TYPE rollup.grain AS ENUM ('day', 'ten_days', 'month', 'year');

CREATE TABLE rollup.state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    batch_id bigint NOT NULL DEFAULT 0,
    ingested_until timestamptz NOT NULL DEFAULT '-infinity',
    user_key bigint NOT NULL DEFAULT 0,
    sealed_until date NOT NULL DEFAULT '-infinity',
    refreshed_at timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN rollup.state.ingested_until IS 'Facts with ingested_at up to here are counted: committed_at of the batch batch_id';
COMMENT ON COLUMN rollup.state.user_key IS 'Versions of users up to here are known to the rollups';
INSERT INTO rollup.state DEFAULT VALUES;

CREATE TABLE rollup.content (
    grain rollup.grain NOT NULL,
    period_start date NOT NULL,
    content_type text NOT NULL,
    content_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (grain, content_type, period_start, content_id)
) WITH (fillfactor = 85);
-- Serves "one song over time".
CREATE INDEX content_id ON rollup.content (content_id, content_type, grain, period_start);

CREATE TABLE rollup.listeners (
    grain rollup.grain NOT NULL,
    period_start date NOT NULL,
    user_key bigint NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (grain, period_start, user_key)
) WITH (fillfactor = 85);
COMMENT ON TABLE rollup.listeners IS 'user_key is the version of the user that was valid at the time of the facts';
CREATE INDEX listeners_user ON rollup.listeners (user_key, grain, period_start);

CREATE TABLE rollup.devices (
    grain rollup.grain NOT NULL,
    period_start date NOT NULL,
    device_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (grain, period_start, device_id)
) WITH (fillfactor = 85);

CREATE TABLE rollup.locations (
    grain rollup.grain NOT NULL,
    period_start date NOT NULL,
    location_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (grain, period_start, location_id)
) WITH (fillfactor = 85);

CREATE TABLE rollup.local_hours (
    grain rollup.grain NOT NULL,
    period_start date NOT NULL,
    country text NOT NULL,
    time_zone text NOT NULL,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    hour smallint NOT NULL CHECK (hour BETWEEN 0 AND 23),
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (grain, period_start, country, time_zone, weekday, hour)
) WITH (fillfactor = 85);
COMMENT ON TABLE rollup.local_hours IS
'weekday (1 is Monday) and hour on the clock of the place where the music played; the period is in UTC as everywhere';

CREATE TABLE rollup.endings (
    month date NOT NULL,
    song_id text NOT NULL,
    second integer NOT NULL,
    plays bigint NOT NULL,
    skipped bigint NOT NULL,
    PRIMARY KEY (song_id, month, second)
) WITH (fillfactor = 85);
COMMENT ON TABLE rollup.endings IS 'After how many whole seconds the playbacks of a song ended, at most 3600';

CREATE TABLE rollup.endings_by_day (
    day date NOT NULL,
    second integer NOT NULL,
    plays bigint NOT NULL,
    skipped bigint NOT NULL,
    PRIMARY KEY (day, second)
) WITH (fillfactor = 85);

CREATE TABLE rollup.artist_listeners (
    month date NOT NULL,
    artist_id text NOT NULL,
    user_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    ms_played bigint NOT NULL,
    PRIMARY KEY (artist_id, month, user_id) INCLUDE (streams)
) WITH (fillfactor = 85);

CREATE TABLE rollup.first_listens (
    user_id text NOT NULL,
    song_id text NOT NULL,
    plays bigint NOT NULL,
    first_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, song_id)
) WITH (fillfactor = 85);

CREATE TABLE rollup.listener_sources (
    user_id text NOT NULL,
    source text NOT NULL,
    plays bigint NOT NULL,
    PRIMARY KEY (source, user_id)
) WITH (fillfactor = 85);

CREATE TABLE rollup.user_days (
    user_id text NOT NULL,
    day date NOT NULL,
    plays bigint NOT NULL,
    previous_day date NOT NULL DEFAULT '-infinity',
    next_day date NOT NULL DEFAULT 'infinity',
    streak_days integer NOT NULL DEFAULT 1,
    PRIMARY KEY (user_id, day)
) WITH (fillfactor = 85);
COMMENT ON TABLE rollup.user_days IS
'Days (UTC) on which a listener played something, each with its neighbours: how many are active in a rolling window, who is new, back or gone follows from them';
COMMENT ON COLUMN rollup.user_days.streak_days IS 'Length, up to this day, of the run of consecutive days that it belongs to';
CREATE INDEX user_days_day ON rollup.user_days (day, user_id);
-- Serves the longest streaks: only the last day of each.
CREATE INDEX user_days_streaks ON rollup.user_days (streak_days DESC, day)
WHERE next_day > day + 1;

CREATE TABLE rollup.activity (
    day date PRIMARY KEY,
    active bigint NOT NULL DEFAULT 0,
    new_listeners bigint NOT NULL DEFAULT 0,
    returning_listeners bigint NOT NULL DEFAULT 0,
    resurrected_listeners bigint NOT NULL DEFAULT 0,
    entered_7 bigint NOT NULL DEFAULT 0,
    left_7 bigint NOT NULL DEFAULT 0,
    left_28 bigint NOT NULL DEFAULT 0,
    first_listens bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE rollup.activity IS
'entered_7: listeners who play on this day and did not in the 7 days before; left_7: those for whom this day ends the first 7 days without a play; left_28 likewise. Running totals of their difference are the listeners of a rolling window';

CREATE TABLE rollup.cohorts (
    cohort_month date NOT NULL,
    month date NOT NULL,
    listeners bigint NOT NULL,
    PRIMARY KEY (cohort_month, month)
);

-- Facts that were changed after they were stored (a genre completed, a row removed), with the sign of their effect:
-- the old state -1, the new one +1.
CREATE TABLE rollup.corrections (
    sign smallint NOT NULL,
    event_date date NOT NULL,
    event_time timestamptz NOT NULL,
    ingested_at timestamptz NOT NULL,
    user_id text NOT NULL,
    song_id text NOT NULL,
    artist_id text NOT NULL,
    album_id text NOT NULL,
    genre text NOT NULL,
    device_id text NOT NULL,
    location_id text NOT NULL,
    ms_played bigint NOT NULL,
    is_stream boolean NOT NULL,
    is_completed boolean NOT NULL,
    skipped boolean NOT NULL,
    liked boolean NOT NULL,
    added_to_playlist boolean NOT NULL,
    source text NOT NULL
);

-- Places whose time zone or country became known or changed after facts were counted under the old ones.
CREATE TABLE rollup.moved_locations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    location_id text NOT NULL,
    country text,
    time_zone text
);
GRANT USAGE ON ALL SEQUENCES IN SCHEMA rollup TO music_app;

-- The change feed of the rollups: rows in the order of their storing. A block range index costs inserts nearly nothing.
CREATE INDEX stream_events_ingested ON warehouse.stream_events
USING brin (ingested_at) WITH (pages_per_range = 32, autosummarize = on);

CREATE FUNCTION rollup.note_removed_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO rollup.corrections
    SELECT
        -1,
        o.event_date, o.event_time, o.ingested_at, o.user_id, o.song_id, o.artist_id, o.album_id, o.genre,
        o.device_id, o.location_id, o.ms_played, o.is_stream, o.is_completed, o.skipped, o.liked,
        o.added_to_playlist, o.source
    FROM old_rows AS o;
    RETURN NULL;
END
$$;
CREATE FUNCTION rollup.note_changed_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO rollup.corrections
    SELECT
        -1,
        o.event_date, o.event_time, o.ingested_at, o.user_id, o.song_id, o.artist_id, o.album_id, o.genre,
        o.device_id, o.location_id, o.ms_played, o.is_stream, o.is_completed, o.skipped, o.liked,
        o.added_to_playlist, o.source
    FROM old_rows AS o
    UNION ALL
    SELECT
        1,
        n.event_date, n.event_time, n.ingested_at, n.user_id, n.song_id, n.artist_id, n.album_id, n.genre,
        n.device_id, n.location_id, n.ms_played, n.is_stream, n.is_completed, n.skipped, n.liked,
        n.added_to_playlist, n.source
    FROM new_rows AS n;
    RETURN NULL;
END
$$;
CREATE FUNCTION rollup.note_moved_location() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    INSERT INTO rollup.moved_locations (location_id, country, time_zone)
    VALUES (OLD.location_id, OLD.country, OLD.time_zone);
    RETURN NULL;
END
$$;

CREATE TRIGGER note_removed AFTER DELETE ON warehouse.stream_events
REFERENCING OLD TABLE AS old_rows
FOR EACH STATEMENT EXECUTE FUNCTION rollup.note_removed_facts();
CREATE TRIGGER note_changed AFTER UPDATE ON warehouse.stream_events
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION rollup.note_changed_facts();
CREATE TRIGGER note_moved AFTER UPDATE ON warehouse.locations
FOR EACH ROW
WHEN ((old.country, old.time_zone) IS DISTINCT FROM (new.country, new.time_zone))
EXECUTE FUNCTION rollup.note_moved_location();
