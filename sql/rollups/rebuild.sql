-- Forgets all rollups; the next refreshes count every fact anew. For operators, when rollups and facts differ.
CREATE FUNCTION rollup.rebuild() RETURNS void
LANGUAGE sql AS $$
    TRUNCATE rollup.content, rollup.listeners, rollup.devices, rollup.locations, rollup.local_hours, rollup.endings,
        rollup.endings_by_day, rollup.artist_listeners, rollup.first_listens, rollup.listener_sources,
        rollup.user_days, rollup.activity,
        rollup.cohorts, rollup.corrections, rollup.moved_locations, rollup.listener_groups, rollup.device_groups,
        rollup.listener_sets, rollup.device_sets, rollup.listener_numbers, rollup.device_numbers,
        rollup.unsettled_days, rollup.regrouped_users, rollup.regrouped_devices;
    UPDATE rollup.state SET batch_id = 0, ingested_until = '-infinity', user_key = 0, sealed_until = '-infinity';
$$;
