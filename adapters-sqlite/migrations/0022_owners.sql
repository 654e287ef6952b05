-- Owners of tokens, with and without an account: what a lookup has to know about the owner of a token.
-- The triggers keep the owners of all accounts, so that no writer can forget them, not even a server
-- of the release before.
PRAGMA defer_foreign_keys = ON;
-- Damaged rows are copied as they are, so that they can be seen and ended afterwards.
PRAGMA ignore_check_constraints = ON;

CREATE TABLE owners (
    id      BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    role    TEXT    NOT NULL CHECK (role IN ('member', 'admin')),
    -- 0: suspended; none of the owner's tokens is accepted.
    active  INTEGER NOT NULL CHECK (active IN (0, 1)),
    -- 1: the owner has or had an account, which determines the rest.
    account INTEGER NOT NULL CHECK (account IN (0, 1)),
    -- For display; NULL for deleted users, and for owners who were added without them.
    email   TEXT,
    name    TEXT,
    CHECK ((email IS NULL) = (name IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER users_are_owners AFTER INSERT ON users
BEGIN
    INSERT INTO owners (id, role, active, account, email, name)
    VALUES (
        NEW.id, NEW.role, NEW.suspended_at IS NULL AND NEW.deleted_at IS NULL, 1,
        CASE WHEN NEW.deleted_at IS NULL THEN NEW.email END,
        CASE WHEN NEW.deleted_at IS NULL THEN NEW.name END
    )
    ON CONFLICT (id) DO UPDATE SET role = excluded.role, active = excluded.active,
        account = 1, email = excluded.email, name = excluded.name;
END;

CREATE TRIGGER users_stay_owners AFTER UPDATE ON users
BEGIN
    UPDATE owners SET role = NEW.role,
        active = NEW.suspended_at IS NULL AND NEW.deleted_at IS NULL,
        email = CASE WHEN NEW.deleted_at IS NULL THEN NEW.email END,
        name = CASE WHEN NEW.deleted_at IS NULL THEN NEW.name END
    WHERE id = NEW.id;
END;

-- No server deletes a user's row; whoever does it by hand must not leave tokens behind that work.
CREATE TRIGGER users_end_as_owners AFTER DELETE ON users
BEGIN
    UPDATE owners SET active = 0, email = NULL, name = NULL WHERE id = OLD.id;
END;

INSERT INTO owners (id, role, active, account, email, name)
SELECT id, role, suspended_at IS NULL AND deleted_at IS NULL, 1,
    CASE WHEN deleted_at IS NULL THEN email END, CASE WHEN deleted_at IS NULL THEN name END
FROM users;

-- Tokens refer to owners instead of users.
CREATE TABLE tokens_rebuilt (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- A human's or an agent run's; with the id it makes pat_… or run_….
    kind           TEXT    NOT NULL CHECK (kind IN ('personal', 'agent_run')),
    owner_id       BLOB    NOT NULL REFERENCES owners (id),
    name           TEXT    NOT NULL,
    scope          TEXT    NOT NULL CHECK (scope IN ('read_write', 'admin')),
    -- SHA-256 of the secret. The secret itself is in no column of any table.
    digest         BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at     INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    -- Live before this instant; NULL: never expires.
    expires_at     INTEGER          CHECK (expires_at BETWEEN 0 AND 253402300799999),
    -- Not NULL: a tombstone, kept so that the holder of the secret learns what happened to it.
    revoked_at     INTEGER          CHECK (revoked_at BETWEEN 0 AND 253402300799999),
    -- Written in batches, seconds later.
    last_used_at   INTEGER          CHECK (last_used_at BETWEEN 0 AND 253402300799999),
    -- The id, with its prefix, of the token that replaced this one. No foreign key: that this token
    -- was rotated stays true when its successor has been purged.
    successor      TEXT,
    -- The agent of an agent run.
    agent_id       TEXT,
    -- The key of the only work item that a run may change. No foreign key: work items may be
    -- elsewhere.
    work_item      TEXT,
    -- The personal token that a run was started with. No foreign key: a run may outlive its row.
    issuer_id      BLOB             CHECK (length(issuer_id) = 16),
    -- For display and search; without checks, since nothing depends on them.
    last_four      TEXT,
    created_from   TEXT,
    last_used_from TEXT,
    revoked_by     TEXT,
    name_folded    TEXT,
    CHECK ((kind = 'agent_run') = (agent_id IS NOT NULL)),
    CHECK (kind = 'personal' OR expires_at IS NOT NULL),
    CHECK (kind = 'agent_run' OR work_item IS NULL),
    CHECK ((kind = 'agent_run') = (issuer_id IS NOT NULL))
) STRICT;

INSERT INTO tokens_rebuilt
    (rowid, id, kind, owner_id, name, scope, digest, created_at, expires_at, revoked_at, last_used_at,
    successor, agent_id, work_item, issuer_id, last_four, created_from, last_used_from, revoked_by,
    name_folded)
SELECT rowid, id, kind, owner_id, name, scope, digest, created_at, expires_at, revoked_at, last_used_at,
    successor, agent_id, work_item, issuer_id, last_four, created_from, last_used_from, revoked_by,
    name_folded
FROM tokens;

DROP TABLE tokens;
ALTER TABLE tokens_rebuilt RENAME TO tokens;

CREATE INDEX agent_runs_of_issuer ON tokens (issuer_id, expires_at)
    WHERE issuer_id IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX agent_runs_of_owner ON tokens (owner_id, id DESC) WHERE kind = 'agent_run';
CREATE INDEX agent_runs_of_work_item ON tokens (work_item, expires_at)
    WHERE work_item IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX agent_runs_unrevoked ON tokens (owner_id, expires_at)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;
CREATE INDEX personal_tokens_ending
    ON tokens (owner_id, coalesce(expires_at, 253402300800000), id, kind, revoked_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX personal_tokens_expiring ON tokens (expires_at, id)
    WHERE kind = 'personal' AND revoked_at IS NULL AND expires_at IS NOT NULL;
CREATE INDEX personal_tokens_issued ON tokens (owner_id, created_at DESC, id DESC)
    WHERE kind = 'personal';
CREATE INDEX personal_tokens_listed ON tokens (owner_id, id DESC, expires_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX personal_tokens_named ON tokens (owner_id, name, id DESC, expires_at)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX personal_tokens_revoked ON tokens (id DESC)
    WHERE kind = 'personal' AND revoked_at IS NOT NULL;
CREATE INDEX personal_tokens_unrevoked ON tokens (id DESC, expires_at, scope)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX tokens_expiring ON tokens (expires_at)
    WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX tokens_of_unknown_kind ON tokens (owner_id, id DESC)
    WHERE kind NOT IN ('personal', 'agent_run');
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;

-- The audit log has one more kind of actor.
CREATE TABLE audit_events_rebuilt (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at             INTEGER NOT NULL CHECK (at BETWEEN 0 AND 253402300799999),
    -- 'token', 'session', 'external': a user with a token, with a browser session, or whom the
    -- embedding service authenticated; 'operator': a shell on the server, or the embedding service;
    -- 'anonymous': a client without a credential.
    actor          TEXT    NOT NULL
                   CHECK (actor IN ('token', 'session', 'external', 'operator', 'anonymous')),
    -- Ids with their prefix, as the API writes them, and no foreign keys: the audit log outlives
    -- what it is about.
    actor_user     TEXT,
    actor_token    TEXT,
    actor_session  TEXT,
    action         TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    related        TEXT,
    -- The request that made the change, as in the logs, and its client address.
    request_id     TEXT,
    client_address TEXT,
    -- Both addresses, where the action is user.email_changed.
    email_from     TEXT,
    email_to       TEXT,
    CHECK ((actor IN ('token', 'session', 'external')) = (actor_user IS NOT NULL)),
    CHECK ((actor = 'token') = (actor_token IS NOT NULL)),
    CHECK ((actor = 'session') = (actor_session IS NOT NULL))
) STRICT;

INSERT INTO audit_events_rebuilt
    (rowid, id, at, actor, actor_user, actor_token, actor_session, action, subject, related, request_id,
    client_address, email_from, email_to)
SELECT rowid, id, at, actor, actor_user, actor_token, actor_session, action, subject, related, request_id,
    client_address, email_from, email_to
FROM audit_events;

DROP TABLE audit_events;
ALTER TABLE audit_events_rebuilt RENAME TO audit_events;

CREATE INDEX audit_events_newest ON audit_events (at DESC, id DESC);
CREATE INDEX audit_events_of_action ON audit_events (action, at DESC, id DESC);
CREATE INDEX audit_events_of_actor ON audit_events (actor_user, at DESC, id DESC)
    WHERE actor_user IS NOT NULL;
CREATE INDEX audit_events_of_related ON audit_events (related, at DESC, id DESC)
    WHERE related IS NOT NULL;
CREATE INDEX audit_events_of_subject ON audit_events (subject, at DESC, id DESC);

CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM audit_events WHERE rowid = NEW.rowid)
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

PRAGMA ignore_check_constraints = OFF;
