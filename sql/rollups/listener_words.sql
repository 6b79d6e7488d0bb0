-- The words that listeners can be grouped by.
CREATE FUNCTION rollup.listener_words() RETURNS text[]
LANGUAGE sql IMMUTABLE
RETURN ARRAY['age_group', 'gender', 'subscription', 'country', 'all'];
