-- Which dead letters were sent to their topic again, and where they stand there now.
-- depends: 0005.ops

CREATE TABLE ops.dead_letter_replays (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dead_letter_id bigint NOT NULL REFERENCES ops.dead_letters (id),
    attempt integer NOT NULL CHECK (attempt > 0),
    reserved_at timestamptz NOT NULL DEFAULT now(),
    topic text NOT NULL,
    partition integer,
    kafka_offset bigint,
    sent_at timestamptz,
    UNIQUE (dead_letter_id)
);
COMMENT ON TABLE ops.dead_letter_replays IS
'A row per dead letter that was replayed; without sent_at the broker''s answer did not come, and the next replay sends it again. attempt: how often the record was replayed with this time';
-- Finds the attempt that a dead letter came from.
CREATE INDEX dead_letter_replays_place ON ops.dead_letter_replays (topic, partition, kafka_offset);
