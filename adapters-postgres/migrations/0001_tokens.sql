-- Users, tokens and the audit trail.
--
-- Ids are UUIDs version 7, so they sort by creation. No default, clock or rule is in here: every
-- value comes from the application.

-- Whole milliseconds from 1970 to the end of year 9999, as the application knows instants; that
-- leaves out infinity, too.
CREATE DOMAIN instant AS timestamptz (3)
    CONSTRAINT instant_range
    CHECK (VALUE >= '1970-01-01 00:00:00+00' AND VALUE < '10000-01-01 00:00:00+00');

CREATE TABLE users (
    id           uuid    NOT NULL PRIMARY KEY,
    -- The address as it was given, for display.
    email        text    NOT NULL,
    -- The address in lower case: two spellings of one address are one user.
    email_key    text    NOT NULL UNIQUE,
    name         text    NOT NULL,
    role         text    NOT NULL CHECK (role IN ('member', 'admin')),
    created_at   instant NOT NULL,
    -- Since when none of the user's tokens is accepted; NULL: active.
    suspended_at instant
);

CREATE TABLE tokens (
    id           uuid    NOT NULL PRIMARY KEY,
    -- Whose it is, a human's or an agent run's; with the id it makes pat_… or run_….
    kind         text    NOT NULL CHECK (kind IN ('personal', 'agent_run')),
    owner_id     uuid    NOT NULL REFERENCES users (id),
    name         text    NOT NULL,
    scope        text    NOT NULL CHECK (scope IN ('read_write', 'admin')),
    -- SHA-256 of the secret. The secret itself is in no column of no table.
    digest       bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    created_at   instant NOT NULL,
    -- Live before this instant; NULL: never expires.
    expires_at   instant,
    -- Not NULL: a tombstone, kept so that the holder of the secret is told what became of it.
    revoked_at   instant,
    -- Written in batches, seconds behind.
    last_used_at instant,
    -- The id, with its prefix, of the token that took this one's place. No foreign key: that this
    -- token was rotated stays true when its successor has been purged.
    successor    text
)
-- Room on each page for a few new versions of its rows: last_used_at is in no index, so most of
-- its updates then touch the table alone.
WITH (fillfactor = 85);

-- An owner's list, the newest first; also what the quota is counted from.
CREATE INDEX tokens_of_owner ON tokens (owner_id, created_at DESC, id DESC);
-- What the purge of old tombstones looks for.
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE audit_events (
    id          uuid    NOT NULL PRIMARY KEY,
    at          instant NOT NULL,
    -- 'token': a user through a token, named by the next two; 'operator': a shell on the server.
    actor       text    NOT NULL CHECK (actor IN ('token', 'operator')),
    -- These four are ids with their prefix, as the API writes them, and no foreign keys: the trail
    -- outlives what it tells of.
    actor_user  text,
    actor_token text,
    -- As in token.issued; what was changed; what else came of it.
    action      text    NOT NULL,
    subject     text    NOT NULL,
    related     text,
    -- The request in which it happened, to be found again in the logs.
    request_id  text,
    CHECK ((actor = 'token') = (actor_user IS NOT NULL)),
    CHECK ((actor = 'token') = (actor_token IS NOT NULL))
);

CREATE INDEX audit_events_newest ON audit_events (at DESC, id DESC);

CREATE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only';
END
$$;

CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only();
