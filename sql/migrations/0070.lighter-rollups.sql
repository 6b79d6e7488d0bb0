-- What a fact costs the rollups.
-- depends: 0040.rollups

-- sum(bigint) adds in numeric: several times the processor time, and a hundred bytes for each group of a hash table.
CREATE AGGREGATE rollup.total (bigint)(
    sfunc = int8pl, stype = bigint, combinefunc = int8pl, parallel = safe
);
COMMENT ON AGGREGATE rollup.total (bigint) IS 'The sum as bigint; an error when it does not fit';

-- One listener, song or artist over time is found by the primary keys as well: PostgreSQL skips from one day to the
-- next (a look into the index each). Three indexes less to fill with nearly every row.
DROP INDEX rollup.listeners_user;
DROP INDEX rollup.content_id;
DROP INDEX rollup.user_days_day;
