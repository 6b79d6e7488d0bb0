-- True for a word that a parameter may have, an error that names the known ones for any other: a misspelt word must not
-- be answered as if it were another. It depends on nothing but parameters, so a query looks once, before it reads.
CREATE FUNCTION rollup.is_known_word(parameter text, word text, known text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF word = ANY (known) THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION '% cannot be %: it is one of %.', parameter, quote_nullable(word), array_to_string(known, ', ')
        USING ERRCODE = 'invalid_parameter_value';
END
$$;
