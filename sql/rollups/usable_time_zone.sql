-- The name of a time zone that this server knows, UTC for any other: a wrong name in a record stops no refresh.
CREATE FUNCTION rollup.usable_time_zone(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM timestamptz 'epoch' AT TIME ZONE name;
    RETURN coalesce(name, 'UTC');
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN 'UTC';
END
$$;
