-- One table per metric family: a row per window and key. Measures are additive; rates are computed in analytics.
-- listeners and songs are approximate distinct counts, each with the HyperLogLog sketch (Apache DataSketches, HLL_4,
-- lg_k 12) that it was read from. A table's update in place needs free space in the page: hence the fill factor.
-- depends: 0001.schemas-and-roles

CREATE TABLE metrics.user_engagement (
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    user_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    songs bigint NOT NULL,
    songs_sketch bytea NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (window_start, user_id)
) WITH (fillfactor = 80);

CREATE TABLE metrics.content_performance (
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    content_type text NOT NULL CHECK (content_type IN ('song', 'artist', 'album', 'genre')),
    content_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    listeners bigint NOT NULL,
    listeners_sketch bytea NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (window_start, content_type, content_id)
) WITH (fillfactor = 80);

CREATE TABLE metrics.device (
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    device_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (window_start, device_id)
) WITH (fillfactor = 80);

CREATE TABLE metrics.location (
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    location_id text NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    listeners bigint NOT NULL,
    listeners_sketch bytea NOT NULL,
    songs bigint NOT NULL,
    songs_sketch bytea NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (window_start, location_id)
) WITH (fillfactor = 80);

CREATE TABLE metrics.hourly (
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    plays bigint NOT NULL,
    streams bigint NOT NULL,
    completed bigint NOT NULL,
    skipped bigint NOT NULL,
    liked bigint NOT NULL,
    added_to_playlist bigint NOT NULL,
    ms_played bigint NOT NULL,
    listeners bigint NOT NULL,
    listeners_sketch bytea NOT NULL,
    songs bigint NOT NULL,
    songs_sketch bytea NOT NULL,
    is_final boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (window_start)
) WITH (fillfactor = 80);

-- Serve "one user, song, device or place over time".
CREATE INDEX user_engagement_user ON metrics.user_engagement (user_id, window_start);
CREATE INDEX content_performance_content ON metrics.content_performance (content_type, content_id, window_start);
CREATE INDEX device_device ON metrics.device (device_id, window_start);
CREATE INDEX location_location ON metrics.location (location_id, window_start);

-- The windows that the watermark has still to close: small, however long the history.
CREATE INDEX user_engagement_open ON metrics.user_engagement (window_end) WHERE NOT is_final;
CREATE INDEX content_performance_open ON metrics.content_performance (window_end) WHERE NOT is_final;
CREATE INDEX device_open ON metrics.device (window_end) WHERE NOT is_final;
CREATE INDEX location_open ON metrics.location (window_end) WHERE NOT is_final;
CREATE INDEX hourly_open ON metrics.hourly (window_end) WHERE NOT is_final;
