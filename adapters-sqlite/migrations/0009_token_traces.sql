-- What owners recognize their tokens by, and search them by. None of it decides anything, so that
-- there are no checks: what cannot be read counts as absent. Older rows have none, and an older
-- server writes none.

-- The last four characters of the secret, which are a part of its checksum.
ALTER TABLE tokens ADD COLUMN last_four TEXT;
-- The client addresses of the request that created it, and of the one at last_used_at.
ALTER TABLE tokens ADD COLUMN created_from TEXT;
ALTER TABLE tokens ADD COLUMN last_used_from TEXT;
-- Why it was revoked, with revoked_at: owner, administrator, rotation or leak.
ALTER TABLE tokens ADD COLUMN revoked_by TEXT;
-- The name with case, composition and compatibility forms folded. Where there is none, lower(name)
-- is searched, which folds ASCII letters.
ALTER TABLE tokens ADD COLUMN name_folded TEXT;
