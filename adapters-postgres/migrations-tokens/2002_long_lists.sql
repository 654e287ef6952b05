-- Every order of a list of an owner's tokens, and what administrators filter by, in the order of an
-- index, however many tokens there are. Changes of tokens wait while these are built, and no lookup.
SET LOCAL lock_timeout = '2s';

-- In the order of names, and in that of expiry.
CREATE INDEX tokens_personal_by_name ON tokens (owner_id, lower(name COLLATE "C"), id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX tokens_personal_by_expiry
    ON tokens (owner_id, coalesce(expires_at::timestamptz, 'infinity'), id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- Revoked ones of an owner.
CREATE INDEX tokens_personal_revoked_listed ON tokens (owner_id, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NOT NULL;
-- Those of all owners with the scope admin, which are few.
CREATE INDEX tokens_personal_with_admin_scope ON tokens (id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL AND scope = 'admin';
