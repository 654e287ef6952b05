-- What owners recognize their tokens by, and search them by. None of it decides anything, so that
-- there are no checks: what cannot be read counts as absent. Older rows have none, and an older
-- server writes none. Lookups wait for this, which reads no row.
SET LOCAL lock_timeout = '2s';

ALTER TABLE tokens
    -- The last four characters of the secret, which are a part of its checksum.
    ADD COLUMN last_four text,
    -- The client addresses of the request that created it, and of the one at last_used_at.
    ADD COLUMN created_from text,
    ADD COLUMN last_used_from text,
    -- Why it was revoked, with revoked_at: owner, administrator, rotation or leak.
    ADD COLUMN revoked_by text,
    -- The name with case, composition and compatibility forms folded. Where there is none,
    -- lower(name) is searched, which folds what the database's locale folds.
    ADD COLUMN name_folded text;
