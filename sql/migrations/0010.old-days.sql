-- Old days share a partition: a history of ten years would otherwise make 3,650 of them, each with four indexes to
-- lock and to plan for (docs/adr/0015-old-days-share-a-partition.md).
-- depends: 0003.stream-events

DROP FUNCTION warehouse.ensure_stream_events_partition(date);

CREATE FUNCTION warehouse.ensure_stream_events_partitions(
    days date[], today date DEFAULT (now() AT TIME ZONE 'UTC')::date
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = warehouse, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    -- The first day that has a partition of its own: the month before this one is still daily.
    daily_from date := date_trunc('month', today - interval '1 month');
    find_bounds text := $query$
        SELECT bound[1]::date AS first_day, bound[2]::date AS next_day
        FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid
        CROSS JOIN regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)') AS bound
        WHERE i.inhparent = 'warehouse.stream_events'::regclass
    $query$;
    missing date[];
    made integer := 0;
    day date;
    first_day date;
    next_day date;
    partition_name text;
BEGIN
    -- Looked up again under the lock: another session may have made them meanwhile. The first look costs a batch
    -- whose days are all there no lock.
    FOR attempt IN 1..2 LOOP
        EXECUTE format(
            'SELECT array_agg(DISTINCT d ORDER BY d) FROM unnest($1) AS d
             WHERE NOT EXISTS (SELECT FROM (%s) AS b WHERE b.first_day <= d AND d < b.next_day)', find_bounds
        ) INTO missing USING days;
        IF missing IS NULL THEN
            RETURN 0;
        END IF;
        PERFORM pg_advisory_xact_lock('warehouse.stream_events'::regclass::bigint);
    END LOOP;

    FOREACH day IN ARRAY missing LOOP
        -- The one made last may hold this day too: they come in order.
        CONTINUE WHEN day < next_day;
        IF day >= daily_from THEN
            first_day := day;
            next_day := day + 1;
            partition_name := 'stream_events_' || to_char(day, 'YYYYMMDD');
        ELSE
            -- As much of the day's year as no partition holds, and as is not recent.
            EXECUTE format(
                'SELECT greatest(date_trunc(''year'', $1), max(b.next_day) FILTER (WHERE b.next_day <= $1)),
                     least(date_trunc(''year'', $1) + interval ''1 year'', $2,
                           min(b.first_day) FILTER (WHERE b.first_day > $1))
                 FROM (%s) AS b', find_bounds
            ) INTO first_day, next_day USING day, daily_from;
            partition_name := format(
                'stream_events_%s_%s', to_char(first_day, 'YYYYMMDD'), to_char(next_day - 1, 'YYYYMMDD')
            );
        END IF;
        -- Made apart and attached: ATTACH takes a lock that readers of the fact table do not wait for, unlike
        -- CREATE TABLE ... PARTITION OF.
        EXECUTE format('CREATE TABLE %I (LIKE stream_events INCLUDING DEFAULTS)', partition_name);
        -- Validated by the check constraint, so ATTACH does not scan.
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT days CHECK (event_date >= %L AND event_date < %L)',
                       partition_name, first_day, next_day);
        EXECUTE format('ALTER TABLE stream_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       partition_name, first_day, next_day);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT days', partition_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO music_app', partition_name);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION warehouse.ensure_stream_events_partitions IS
'Makes the partitions that the days need: daily for this month, the one before and what is to come, yearly for older days; returns how many. The stream calls it for the days of a batch and for the week ahead';
REVOKE ALL ON FUNCTION warehouse.ensure_stream_events_partitions FROM public;
GRANT EXECUTE ON FUNCTION warehouse.ensure_stream_events_partitions TO music_app;
