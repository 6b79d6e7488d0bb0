-- The group of a listener on a day, by one of the words that listeners can be grouped by.
CREATE FUNCTION rollup.listener_group(
    grouped_by text, birth_date date, gender text, subscription text, country text, day date
) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT
        CASE grouped_by
            WHEN 'age_group' THEN rollup.age_group(birth_date, day)
            WHEN 'gender' THEN coalesce(gender, 'unknown')
            WHEN 'subscription' THEN coalesce(subscription, 'unknown')
            WHEN 'country' THEN coalesce(country, 'unknown')
            WHEN 'all' THEN 'all'
        END;
END;
