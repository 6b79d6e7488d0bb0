-- Few rollup periods that make up the days from since to before until, so that a range reads a few rows per key, not
-- one per day. Periods with sign -1 are taken away: from the 22nd to its end, a month is its last third less a day. A
-- sum has to be multiplied by the sign; a key whose plays add up to 0 was not played in the range.
--
-- The two ends of the range go from their days to the nearer border of a third of a month, from there to that of a
-- month, and then to that of a year, until they meet; what they pass is added or taken away. The days from
-- rollup.state.sealed_until on, which are in no longer period, follow one by one.
CREATE FUNCTION rollup.periods(since date, until date)
RETURNS TABLE (grain rollup.grain, period_start date, sign integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' ROWS 10 AS $$
DECLARE
    first_day date;
    end_day date;
    sealed date := (SELECT s.sealed_until FROM rollup.state AS s);
    low date;
    high date;
    unit rollup.grain;
    longer rollup.grain;
    around_low record;
    around_high record;
    between date[];
BEGIN
    SELECT min(a.day), max(a.day) + 1 INTO first_day, end_day FROM rollup.activity AS a;
    IF first_day IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 'day'::rollup.grain, s.at, 1
        FROM rollup.period_starts('day', greatest(since, first_day, sealed), least(until, end_day)) AS s (at);

    low := greatest(since, first_day);
    -- Long periods have nothing after the last sealed day: an end that lies there is as good at the border of a year.
    high := CASE WHEN until < sealed THEN until ELSE date_trunc('year', sealed - 1 + interval '1 year') END;
    FOR unit, longer IN
        SELECT g.unit, lead(g.unit) OVER (ORDER BY g.unit) FROM unnest(enum_range(null::rollup.grain)) AS g (unit)
    LOOP
        EXIT WHEN NOT low < least(high, sealed);
        SELECT p.period_start, p.period_end,
            ARRAY(SELECT rollup.period_starts(unit, p.period_start, low) WHERE low > first_day) AS before,
            ARRAY(SELECT rollup.period_starts(unit, low, least(p.period_end, sealed))) AS after
        INTO around_low FROM rollup.periods_of(low) AS p WHERE p.grain = longer;
        SELECT p.period_start, p.period_end,
            ARRAY(SELECT rollup.period_starts(unit, p.period_start, high)) AS before,
            ARRAY(SELECT rollup.period_starts(unit, high, least(p.period_end, sealed))) AS after
        INTO around_high FROM rollup.periods_of(high - 1) AS p WHERE p.grain = longer;
        between := ARRAY(SELECT rollup.period_starts(unit, low, least(high, sealed)));

        -- Within one longer period the ends may meet. When they go away from each other, that period is one more to read.
        IF longer IS NULL OR (
            around_low.period_start = around_high.period_start
            AND cardinality(between) <= cardinality(around_low.before) + 1 + cardinality(around_high.after)
        ) THEN
            RETURN QUERY SELECT unit, b.at, 1 FROM unnest(between) AS b (at);
            EXIT;
        END IF;
        IF cardinality(around_low.before) + 1 < cardinality(around_low.after) THEN
            RETURN QUERY SELECT unit, b.at, -1 FROM unnest(around_low.before) AS b (at);
            low := around_low.period_start;
        ELSE
            RETURN QUERY SELECT unit, a.at, 1 FROM unnest(around_low.after) AS a (at);
            low := around_low.period_end;
        END IF;
        IF cardinality(around_high.after) + 1 < cardinality(around_high.before) THEN
            RETURN QUERY SELECT unit, a.at, -1 FROM unnest(around_high.after) AS a (at);
            high := around_high.period_end;
        ELSE
            RETURN QUERY SELECT unit, b.at, 1 FROM unnest(around_high.before) AS b (at);
            high := around_high.period_start;
        END IF;
    END LOOP;
END
$$;
