-- A partition is made apart and then attached, which PostgreSQL refuses when it lacks a CHECK of the fact table: one
-- that somebody added would have held the stream up at the next midnight.
-- depends: 0010.old-days

DO $$
DECLARE
    definition text := pg_get_functiondef('warehouse.ensure_stream_events_partitions'::regproc);
    without text := 'INCLUDING DEFAULTS)';
BEGIN
    ASSERT position(without IN definition) > 0, 'the function is not that of 0010.old-days';
    EXECUTE replace(definition, without, 'INCLUDING DEFAULTS INCLUDING CONSTRAINTS)');
END
$$;
