-- The days with listeners whose groups and sets are stored.
CREATE FUNCTION rollup.settled_days() RETURNS SETOF date
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT a.day FROM rollup.activity AS a
    WHERE a.active > 0 AND a.day NOT IN (SELECT u.day FROM rollup.unsettled_days AS u);
END;
