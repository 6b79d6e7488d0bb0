-- Adds rollup_changes to the tables of sums. A family is one row of the declaration: its table, its keys and where they
-- come from. Days that are sealed go to every grain, newer ones to their day only.
CREATE FUNCTION rollup.apply_sums(sealed_until date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    family record;
    takes_back boolean := EXISTS (SELECT FROM rollup_changes WHERE sign < 0);
BEGIN
    FOR family IN SELECT * FROM rollup.families() LOOP
        EXECUTE format($sql$
            -- Once per day: the function costs more than the row that it is for.
            WITH periods AS MATERIALIZED (
                SELECT c.day, p.grain, p.period_start
                FROM (SELECT DISTINCT day FROM rollup_changes) AS c
                CROSS JOIN LATERAL rollup.periods_of(c.day) AS p
                WHERE p.grain = 'day' OR c.day < $1
            )
            INSERT INTO rollup.%1$I AS r
                (grain, period_start, %2$s, plays, streams, completed, skipped, liked, added_to_playlist, ms_played)
            SELECT
                p.grain, p.period_start, %2$s, rollup.total(d.plays), rollup.total(d.streams), rollup.total(d.completed),
                rollup.total(d.skipped), rollup.total(d.liked), rollup.total(d.added_to_playlist),
                rollup.total(d.ms_played)
            FROM (
                SELECT
                    c.day, %3$s, sum(c.sign) AS plays, sum(c.sign * c.is_stream::int) AS streams,
                    sum(c.sign * c.is_completed::int) AS completed, sum(c.sign * c.skipped::int) AS skipped,
                    sum(c.sign * c.liked::int) AS liked, sum(c.sign * c.added_to_playlist::int) AS added_to_playlist,
                    rollup.total(c.sign * c.ms_played) AS ms_played
                FROM rollup_changes AS c %4$s
                WHERE c.scope IS NULL OR c.scope = %1$L
                GROUP BY c.day, %2$s
            ) AS d
            JOIN periods AS p ON p.day = d.day
            GROUP BY p.grain, p.period_start, %2$s
            -- Moved facts leave nothing behind in the families that they did not leave.
            HAVING (rollup.total(d.plays), rollup.total(d.streams), rollup.total(d.completed), rollup.total(d.skipped),
                rollup.total(d.liked), rollup.total(d.added_to_playlist), rollup.total(d.ms_played))
                <> (0, 0, 0, 0, 0, 0, 0)
            -- In the order of the primary key: neighbours share pages of table and index.
            ORDER BY p.grain, p.period_start, %2$s
            ON CONFLICT (grain, period_start, %2$s) DO UPDATE SET
                plays = r.plays + excluded.plays, streams = r.streams + excluded.streams,
                completed = r.completed + excluded.completed, skipped = r.skipped + excluded.skipped,
                liked = r.liked + excluded.liked, added_to_playlist = r.added_to_playlist + excluded.added_to_playlist,
                ms_played = r.ms_played + excluded.ms_played
            $sql$, family.name, family.keys, family.sources, family.joined) USING sealed_until;
        IF takes_back THEN
            EXECUTE format($sql$
                DELETE FROM rollup.%1$I AS r
                USING (
                    SELECT DISTINCT p.grain, p.period_start
                    FROM (SELECT DISTINCT day FROM rollup_changes WHERE sign < 0) AS c
                    CROSS JOIN LATERAL rollup.periods_of(c.day) AS p
                ) AS touched
                WHERE r.grain = touched.grain AND r.period_start = touched.period_start AND r.plays = 0
                $sql$, family.name);
        END IF;
    END LOOP;
END
$$;
