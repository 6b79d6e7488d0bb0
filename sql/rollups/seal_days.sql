-- Adds the days from since to before until, which are over, to the longer grains of every table of sums.
CREATE FUNCTION rollup.seal_days(since date, until date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    family record;
BEGIN
    FOR family IN SELECT * FROM rollup.families() LOOP
        EXECUTE format($sql$
            WITH periods AS MATERIALIZED (
                SELECT days.day, p.grain, p.period_start
                FROM (
                    SELECT DISTINCT d.period_start AS day FROM rollup.%1$I AS d
                    WHERE d.grain = 'day' AND d.period_start >= $1 AND d.period_start < $2
                ) AS days
                CROSS JOIN LATERAL rollup.periods_of(days.day) AS p
                WHERE p.grain <> 'day'
            )
            INSERT INTO rollup.%1$I AS r
                (grain, period_start, %2$s, plays, streams, completed, skipped, liked, added_to_playlist, ms_played)
            SELECT
                p.grain, p.period_start, %2$s, rollup.total(d.plays), rollup.total(d.streams), rollup.total(d.completed),
                rollup.total(d.skipped), rollup.total(d.liked), rollup.total(d.added_to_playlist),
                rollup.total(d.ms_played)
            FROM rollup.%1$I AS d
            JOIN periods AS p ON p.day = d.period_start
            WHERE d.grain = 'day' AND d.period_start >= $1 AND d.period_start < $2
            GROUP BY p.grain, p.period_start, %2$s
            ORDER BY p.grain, p.period_start, %2$s
            ON CONFLICT (grain, period_start, %2$s) DO UPDATE SET
                plays = r.plays + excluded.plays, streams = r.streams + excluded.streams,
                completed = r.completed + excluded.completed, skipped = r.skipped + excluded.skipped,
                liked = r.liked + excluded.liked, added_to_playlist = r.added_to_playlist + excluded.added_to_playlist,
                ms_played = r.ms_played + excluded.ms_played
            $sql$, family.name, family.keys) USING since, until;
    END LOOP;
END
$$;
