-- An index of the text that searches are matched against. It requires no extension: pg_trgm may be
-- missing, or the role may not be allowed to create it.
SET LOCAL lock_timeout = '2s';

-- Returns each sequence of three bytes of a text as a number. A text that contains another has all
-- of its sequences.
CREATE FUNCTION work_item_trigrams(text) RETURNS integer[] LANGUAGE plpgsql
    -- With these costs, the planner never calls it for each row instead of using the index.
    IMMUTABLE STRICT PARALLEL SAFE COST 10000 SET search_path = pg_catalog AS $$
DECLARE
    bytes CONSTANT bytea := convert_to($1, 'UTF8');
BEGIN
    RETURN ARRAY(
        SELECT (get_byte(bytes, n) << 16) + (get_byte(bytes, n + 1) << 8) + get_byte(bytes, n + 2)
        FROM generate_series(0, octet_length(bytes) - 3) AS n
    );
END
$$;

-- Every role that writes work items calls it. By default everyone may, unless the owner's default
-- privileges say otherwise.
GRANT EXECUTE ON FUNCTION work_item_trigrams(text) TO PUBLIC;

CREATE INDEX work_items_search ON work_items USING gin (work_item_trigrams(search_text));

-- No plan depends on statistics of the sequences, and collecting them takes seconds.
ALTER INDEX work_items_search ALTER COLUMN 1 SET STATISTICS 0;
