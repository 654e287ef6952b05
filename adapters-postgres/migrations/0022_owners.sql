-- Owners of tokens, with and without an account: what a lookup has to know about the owner of a token.
-- The triggers keep the owners of all accounts, so that no writer can forget them, not even a server
-- of the release before. Changes of users wait for this file, and no lookup.
SET LOCAL lock_timeout = '2s';

CREATE TABLE owners (
    id      uuid     NOT NULL PRIMARY KEY,
    role    text     NOT NULL CHECK (role IN ('member', 'admin')),
    -- 0: suspended; none of the owner's tokens is accepted.
    active  smallint NOT NULL CHECK (active IN (0, 1)),
    -- 1: the owner has or had an account, which determines the rest.
    account smallint NOT NULL CHECK (account IN (0, 1)),
    -- For display; NULL for deleted users, and for owners who were added without them.
    email   text,
    name    text,
    CONSTRAINT owners_profile_check CHECK ((email IS NULL) = (name IS NULL))
);

-- Writes where the tables are, whatever the search path and the privileges of the role that changes a
-- user.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', TRUE);

CREATE FUNCTION users_are_owners() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- No server deletes a user's row; whoever does it by hand must not leave tokens behind that
        -- work.
        UPDATE owners SET active = 0, email = NULL, name = NULL WHERE id = OLD.id;
        RETURN NULL;
    END IF;
    INSERT INTO owners (id, role, active, account, email, name)
    VALUES (
        NEW.id, NEW.role, (NEW.suspended_at IS NULL AND NEW.deleted_at IS NULL)::int, 1,
        CASE WHEN NEW.deleted_at IS NULL THEN NEW.email END,
        CASE WHEN NEW.deleted_at IS NULL THEN NEW.name END
    )
    ON CONFLICT (id) DO UPDATE SET role = excluded.role, active = excluded.active,
        account = 1, email = excluded.email, name = excluded.name;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_are_owners AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION users_are_owners();

INSERT INTO owners (id, role, active, account, email, name)
SELECT id, role, (suspended_at IS NULL AND deleted_at IS NULL)::int, 1,
    CASE WHEN deleted_at IS NULL THEN email END, CASE WHEN deleted_at IS NULL THEN name END
FROM users;
