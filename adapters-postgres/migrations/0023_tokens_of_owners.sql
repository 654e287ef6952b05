-- Tokens refer to owners instead of users. In the order in which changes lock these tables; lookups
-- wait, for no longer than it takes to note that there is a key. Existing rows are checked later.
SET LOCAL lock_timeout = '2s';

LOCK TABLE users, owners, tokens IN ACCESS EXCLUSIVE MODE;
ALTER TABLE tokens
    DROP CONSTRAINT tokens_owner_id_fkey,
    ADD CONSTRAINT tokens_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES owners (id) NOT VALID;
