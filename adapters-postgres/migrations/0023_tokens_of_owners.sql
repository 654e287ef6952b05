-- Tokens refer to owners instead of users. Existing rows are checked later.
--
-- Changes lock these tables in this order, and lookups in the reverse one, so this could wait for a
-- lookup that waits for it: each attempt is short, and holds nothing while it sleeps.
SET LOCAL lock_timeout = '50ms';

DO $$
BEGIN
    FOR attempt IN 1 .. 200 LOOP
        BEGIN
            LOCK TABLE users, owners, tokens IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.05);
        END;
    END LOOP;
    RAISE lock_not_available USING MESSAGE = 'the tables are in use; run the migration again';
END
$$;

ALTER TABLE tokens
    DROP CONSTRAINT tokens_owner_id_fkey,
    ADD CONSTRAINT tokens_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES owners (id) NOT VALID;
