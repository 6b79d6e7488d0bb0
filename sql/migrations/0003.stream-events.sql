-- The fact table: one row per playback, partitioned by the day (UTC) on which it ended.
-- depends: 0002.dimensions

CREATE TABLE warehouse.stream_events (
    event_id uuid NOT NULL,
    event_date date NOT NULL,
    event_time timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    user_id text NOT NULL,
    session_id text NOT NULL,
    song_id text NOT NULL,
    artist_id text NOT NULL,
    album_id text NOT NULL,
    device_id text NOT NULL,
    location_id text NOT NULL,
    genre text NOT NULL,
    ms_played bigint NOT NULL,
    song_duration_ms bigint NOT NULL,
    reason_start text NOT NULL,
    reason_end text NOT NULL,
    skipped boolean NOT NULL,
    shuffle boolean NOT NULL,
    offline boolean NOT NULL,
    liked boolean NOT NULL,
    added_to_playlist boolean NOT NULL,
    is_stream boolean NOT NULL,
    is_completed boolean NOT NULL,
    subscription text NOT NULL,
    experiments jsonb NOT NULL,
    source text NOT NULL,
    produced_at timestamptz NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    kafka_timestamp timestamptz NOT NULL,
    ingested_at timestamptz NOT NULL,
    -- The time-ordered UUIDs of live events fill the right edge of this index, which keeps it in memory.
    PRIMARY KEY (event_id, event_date)
) PARTITION BY RANGE (event_date);

COMMENT ON COLUMN warehouse.stream_events.genre IS
'Genre of the song when the event was stored; unknown until the song''s record arrives, then completed';
COMMENT ON COLUMN warehouse.stream_events.kafka_timestamp IS 'When the broker appended the record';
COMMENT ON COLUMN warehouse.stream_events.ingested_at IS 'When the batch that stored the row was merged';

-- Rows arrive almost in the order of their time: a block range index finds a range of it and costs inserts nearly
-- nothing.
CREATE INDEX stream_events_time ON warehouse.stream_events USING brin (event_time) WITH (pages_per_range = 32);
-- Serves "what did this listener play".
CREATE INDEX stream_events_user ON warehouse.stream_events (user_id, event_time);
-- Tiny: finds the facts to complete when the record of an unknown song arrives.
CREATE INDEX stream_events_unknown_genre ON warehouse.stream_events (song_id) WHERE genre = 'unknown';

CREATE FUNCTION warehouse.ensure_stream_events_partition(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = warehouse, pg_temp AS $$
DECLARE
    partition_name text := 'stream_events_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass('warehouse.' || partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- Made apart and attached: ATTACH takes a lock that readers of the fact table do not wait for, unlike
    -- CREATE TABLE ... PARTITION OF.
    EXECUTE format('CREATE TABLE warehouse.%I (LIKE warehouse.stream_events INCLUDING DEFAULTS)', partition_name);
    -- Validated by the check constraint, so ATTACH does not scan.
    EXECUTE format('ALTER TABLE warehouse.%I ADD CONSTRAINT day CHECK (event_date >= %L AND event_date < %L)',
                   partition_name, day, day + 1);
    EXECUTE format('ALTER TABLE warehouse.stream_events ATTACH PARTITION warehouse.%I FOR VALUES FROM (%L) TO (%L)',
                   partition_name, day, day + 1);
    EXECUTE format('ALTER TABLE warehouse.%I DROP CONSTRAINT day', partition_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON warehouse.%I TO music_app', partition_name);
    RETURN true;
END
$$;
COMMENT ON FUNCTION warehouse.ensure_stream_events_partition IS
'Makes the daily partition where it does not exist; true when it made one. The stream calls it for the days of a batch and for the week ahead';
REVOKE ALL ON FUNCTION warehouse.ensure_stream_events_partition FROM public;
GRANT EXECUTE ON FUNCTION warehouse.ensure_stream_events_partition TO music_app;
