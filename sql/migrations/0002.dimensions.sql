-- Dimensions of the star. A row with is_inferred was made because a fact named its id before the dimension's own
-- record arrived; every attribute is null until then.
-- depends: 0001.schemas-and-roles

CREATE TABLE warehouse.users (
    user_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id text NOT NULL,
    name text,
    email text,
    birth_date date,
    gender text,
    country text,
    location_id text,
    subscription text,
    signed_up_at timestamptz,
    updated_at timestamptz,
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    valid_to timestamptz NOT NULL DEFAULT 'infinity',
    is_current boolean NOT NULL DEFAULT true,
    is_inferred boolean NOT NULL DEFAULT false,
    CHECK (valid_from < valid_to),
    CHECK (is_current = (valid_to = 'infinity'))
);
COMMENT ON TABLE warehouse.users IS
'Listeners; history (SCD type 2) of subscription and location: the version of a fact is the one with valid_from <= event_time < valid_to';
-- Serves the upsert, and guarantees that a user has one current version.
CREATE UNIQUE INDEX users_current ON warehouse.users (user_id) WHERE is_current;
-- Serves joins of facts to the version valid at their time.
CREATE UNIQUE INDEX users_versions ON warehouse.users (user_id, valid_from);

CREATE TABLE warehouse.artists (
    artist_id text PRIMARY KEY,
    name text,
    country text,
    genre text,
    updated_at timestamptz,
    is_inferred boolean NOT NULL DEFAULT false
);

CREATE TABLE warehouse.albums (
    album_id text PRIMARY KEY,
    title text,
    artist_id text,
    album_type text,
    release_date date,
    label text,
    updated_at timestamptz,
    is_inferred boolean NOT NULL DEFAULT false
);

CREATE TABLE warehouse.songs (
    song_id text PRIMARY KEY,
    title text,
    artist_id text,
    album_id text,
    genre text,
    duration_ms integer,
    track_number integer,
    release_date date,
    explicit boolean,
    updated_at timestamptz,
    is_inferred boolean NOT NULL DEFAULT false
);

CREATE TABLE warehouse.devices (
    device_id text PRIMARY KEY,
    user_id text,
    device_type text,
    platform text,
    model text,
    app_version text,
    updated_at timestamptz,
    is_inferred boolean NOT NULL DEFAULT false
);

CREATE TABLE warehouse.locations (
    location_id text PRIMARY KEY,
    city text,
    region text,
    country text,
    latitude double precision,
    longitude double precision,
    time_zone text,
    population bigint,
    updated_at timestamptz,
    is_inferred boolean NOT NULL DEFAULT false
);
