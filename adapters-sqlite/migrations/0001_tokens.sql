-- Users, tokens and the audit trail.
--
-- Ids are the 16 bytes of a UUID version 7, so they sort by creation. Instants are milliseconds
-- since the Unix epoch, up to the end of year 9999. No default, clock or rule is in here: every
-- value comes from the application.

CREATE TABLE users (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The address as it was given, for display.
    email        TEXT    NOT NULL,
    -- The address in lower case: two spellings of one address are one user.
    email_key    TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL CHECK (role IN ('member', 'admin')),
    created_at   INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    -- Since when none of the user's tokens is accepted; NULL: active.
    suspended_at INTEGER          CHECK (suspended_at BETWEEN 0 AND 253402300799999)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- Whose it is, a human's or an agent run's; with the id it makes pat_… or run_….
    kind         TEXT    NOT NULL CHECK (kind IN ('personal', 'agent_run')),
    owner_id     BLOB    NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    scope        TEXT    NOT NULL CHECK (scope IN ('read_write', 'admin')),
    -- SHA-256 of the secret. The secret itself is in no column of no table.
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at   INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    -- Live before this instant; NULL: never expires.
    expires_at   INTEGER          CHECK (expires_at BETWEEN 0 AND 253402300799999),
    -- Not NULL: a tombstone, kept so that the holder of the secret is told what became of it.
    revoked_at   INTEGER          CHECK (revoked_at BETWEEN 0 AND 253402300799999),
    -- Written in batches, seconds behind.
    last_used_at INTEGER          CHECK (last_used_at BETWEEN 0 AND 253402300799999),
    -- The id, with its prefix, of the token that took this one's place. No foreign key: that this
    -- token was rotated stays true when its successor has been purged.
    successor    TEXT
) STRICT;

-- An owner's list, the newest first; also what the quota is counted from.
CREATE INDEX tokens_of_owner ON tokens (owner_id, created_at DESC, id DESC);
-- What the purge of old tombstones looks for.
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE audit_events (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at          INTEGER NOT NULL CHECK (at BETWEEN 0 AND 253402300799999),
    -- 'token': a user through a token, named by the next two; 'operator': a shell on the server.
    actor       TEXT    NOT NULL CHECK (actor IN ('token', 'operator')),
    -- These four are ids with their prefix, as the API writes them, and no foreign keys: the trail
    -- outlives what it tells of.
    actor_user  TEXT,
    actor_token TEXT,
    -- As in token.issued; what was changed; what else came of it.
    action      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    related     TEXT,
    -- The request in which it happened, to be found again in the logs.
    request_id  TEXT,
    CHECK ((actor = 'token') = (actor_user IS NOT NULL)),
    CHECK ((actor = 'token') = (actor_token IS NOT NULL))
) STRICT;

CREATE INDEX audit_events_newest ON audit_events (at DESC, id DESC);

CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
