-- Expired tokens are stored for 30 days, and an owner may have any number of them. These indexes
-- keep every page of a list, the quota, the rate of issue and a name from costing more for that.

-- An owner's list, a page at a time, the newest first.
CREATE INDEX personal_tokens_listed ON tokens (owner_id, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- The same by name.
CREATE INDEX personal_tokens_named ON tokens (owner_id, name, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- An owner's live tokens; the number is later than any expiry.
CREATE INDEX personal_tokens_ending ON tokens (owner_id, coalesce(expires_at, 253402300800000))
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- What was issued to an owner of late, revoked or not.
CREATE INDEX personal_tokens_issued ON tokens (owner_id, created_at DESC, id DESC)
    WHERE kind = 'personal';

-- What these replace. An older server searches the others, which takes longer at worst.
DROP INDEX tokens_of_owner;
DROP INDEX personal_tokens_of_owner;
