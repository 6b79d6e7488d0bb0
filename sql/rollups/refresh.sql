-- Brings every rollup up to the newest committed batch, or as far as max_facts takes it; the number of facts counted.
-- To be called in a transaction of isolation level repeatable read, again and again until it returns 0. It is one
-- transaction with the mark of how far it got: a crash at any point leaves the state before, and no fact counts twice.
--
-- The change feed is the order of ingested_at. That is safe because the stream has one writer, whose batches are
-- transactions one after the other: when a batch is visible, so are all before it.
CREATE FUNCTION rollup.refresh(max_facts bigint DEFAULT 1000000) RETURNS bigint
-- Half a million facts are sorted and summed in memory.
LANGUAGE plpgsql SET work_mem = '128MB' AS $$
DECLARE
    counted rollup.state;
    newest record;
    sealed date;
    facts bigint;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'rollup.refresh has to see facts and dimensions of one moment'
            USING HINT = 'Begin with: BEGIN ISOLATION LEVEL REPEATABLE READ';
    END IF;
    -- Whoever refreshes at the same time waits here, and fails afterwards: its moment is past.
    SELECT * INTO counted FROM rollup.state FOR UPDATE;

    SELECT b.id, b.committed_at INTO newest
    FROM (
        SELECT l.id, l.committed_at, sum(l.facts) OVER (ORDER BY l.id) - l.facts AS facts_before
        FROM ops.batches AS l WHERE l.id > counted.batch_id
    ) AS b
    WHERE b.facts_before < max_facts ORDER BY b.id DESC LIMIT 1;
    newest.id := coalesce(newest.id, counted.batch_id);
    newest.committed_at := greatest(newest.committed_at, counted.ingested_until);

    sealed := greatest(counted.sealed_until, (SELECT (max(w.watermark) AT TIME ZONE 'UTC')::date FROM ops.watermarks AS w));
    IF sealed > counted.sealed_until THEN
        PERFORM rollup.seal_days(counted.sealed_until, sealed);
    END IF;
    facts := rollup.collect_changes(counted, newest.committed_at);
    PERFORM rollup.apply_sums(sealed);
    PERFORM rollup.apply_songs(newest.committed_at);
    PERFORM rollup.apply_activity();
    PERFORM rollup.number_members();
    PERFORM rollup.settle_days(max_facts);
    DROP TABLE rollup_changes;

    UPDATE rollup.state SET
        batch_id = newest.id, ingested_until = newest.committed_at, sealed_until = sealed,
        user_key = (SELECT coalesce(max(u.user_key), 0) FROM warehouse.users AS u), refreshed_at = clock_timestamp();
    RETURN facts;
END
$$;
