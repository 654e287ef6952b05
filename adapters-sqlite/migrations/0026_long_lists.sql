-- Every order of a list of an owner's tokens, and what administrators filter by, in the order of an
-- index, however many tokens there are. An older server finds what it needs in the changed indexes,
-- which takes longer at worst. Queries name these indexes (INDEXED BY).

-- In the order of names. The last two are what the list filters by.
DROP INDEX personal_tokens_named;
CREATE INDEX personal_tokens_named ON tokens (owner_id, lower(name), id DESC, name, expires_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- In the order of expiry; the number is later than any. The last two are constant and make the
-- index answer by itself.
DROP INDEX personal_tokens_ending;
CREATE INDEX personal_tokens_ending
    ON tokens (owner_id, coalesce(expires_at, 253402300800000), id DESC, kind, revoked_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- Revoked ones of an owner.
CREATE INDEX personal_tokens_revoked_listed ON tokens (owner_id, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NOT NULL;
-- Those of all owners with the scope admin, which are few.
CREATE INDEX personal_tokens_with_admin_scope ON tokens (id DESC, expires_at)
    WHERE kind = 'personal' AND revoked_at IS NULL AND scope = 'admin';
