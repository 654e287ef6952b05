-- Lists of tokens that cost as much with any number of expired tokens as with none, and a trail that
-- no form of writing replaces.

-- Each has what its list filters by, so that what it skips is never looked up in the table. Queries
-- name these indexes (INDEXED BY), whatever statistics say: they stay for the release after.

-- An owner's list, a page at a time, the newest first; the same by name.
DROP INDEX personal_tokens_listed;
CREATE INDEX personal_tokens_listed ON tokens (owner_id, id DESC, expires_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
DROP INDEX personal_tokens_named;
CREATE INDEX personal_tokens_named ON tokens (owner_id, name, id DESC, expires_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
-- An owner's live tokens; the number is later than any expiry. The last two are constant and make
-- the index answer by itself.
DROP INDEX personal_tokens_ending;
CREATE INDEX personal_tokens_ending
    ON tokens (owner_id, coalesce(expires_at, 253402300800000), id, kind, revoked_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;

-- Everybody's tokens, the newest first: those that are not revoked, and those that are.
CREATE INDEX personal_tokens_unrevoked ON tokens (id DESC, expires_at, scope)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX personal_tokens_revoked ON tokens (id DESC)
    WHERE kind = 'personal' AND revoked_at IS NOT NULL;
DROP INDEX personal_tokens;
-- Everybody's tokens that expire by some day.
CREATE INDEX personal_tokens_expiring ON tokens (expires_at, id)
    WHERE kind = 'personal' AND revoked_at IS NULL AND expires_at IS NOT NULL;

-- REPLACE deletes the row that is in its way without the trigger for deletions. A row is found by its
-- id or by its rowid.
CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM audit_events WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
