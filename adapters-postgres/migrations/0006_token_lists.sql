-- Expired tokens are stored for 30 days, and an owner may have any number of them. These indexes
-- keep every page of a list, the quota, the rate of issue and a name from costing more for that.
-- Changes of tokens wait while they are built, and no lookup.
SET LOCAL lock_timeout = '2s';

-- An owner's list, a page at a time, the newest first. tokens_personal_of_owner stays for what was
-- issued to an owner of late, revoked or not.
CREATE INDEX tokens_personal_listed ON tokens (owner_id, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- The same by name.
CREATE INDEX tokens_personal_named ON tokens (owner_id, name, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- An owner's live tokens.
CREATE INDEX tokens_personal_ending
    ON tokens (owner_id, coalesce(expires_at::timestamptz, 'infinity'))
    WHERE kind = 'personal' AND revoked_at IS NULL;
