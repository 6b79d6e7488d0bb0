-- The age group of a listener on a day; unknown without a birth date. Groups as Spotify for Artists shows them.
CREATE FUNCTION rollup.age_group(birth_date date, day date) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT
        CASE
            WHEN birth_date IS null THEN 'unknown'
            WHEN birth_date > day - interval '18 years' THEN 'under 18'
            WHEN birth_date > day - interval '23 years' THEN '18-22'
            WHEN birth_date > day - interval '28 years' THEN '23-27'
            WHEN birth_date > day - interval '35 years' THEN '28-34'
            WHEN birth_date > day - interval '45 years' THEN '35-44'
            WHEN birth_date > day - interval '60 years' THEN '45-59'
            ELSE '60+'
        END;
END;
