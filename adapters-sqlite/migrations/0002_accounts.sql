-- Accounts: passwords, browser sessions, one-time sign-in links, invites, counts of attempts and
-- notices; and a trail that knows more kinds of actor.

-- A PHC string of a slow hash; NULL: none yet, the account is opened by a one-time link. In no
-- other table is there anything of a password.
ALTER TABLE users ADD COLUMN password_hash TEXT;

-- A session that is ended is deleted: nobody has to be told what became of a cookie.
CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id),
    -- SHA-256 of what the cookie holds.
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    created_at   INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    -- A minute behind at most.
    last_seen_at INTEGER NOT NULL CHECK (last_seen_at BETWEEN 0 AND 253402300799999),
    -- What the browser called itself; proves nothing.
    client       TEXT    NOT NULL
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user_id, created_at DESC, id DESC);

CREATE TABLE sign_in_links (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id    BLOB    NOT NULL REFERENCES users (id),
    -- SHA-256 of what the URL holds.
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    -- NULL: the operator.
    created_by BLOB             REFERENCES users (id),
    created_at INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    -- Can be used before this instant.
    expires_at INTEGER NOT NULL CHECK (expires_at BETWEEN 0 AND 253402300799999),
    -- When it was used, or made void by a later one, a new password or a suspension.
    used_at    INTEGER          CHECK (used_at BETWEEN 0 AND 253402300799999)
) STRICT;

CREATE INDEX sign_in_links_of_user ON sign_in_links (user_id);

CREATE TABLE invites (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- 'first_admin': for whoever claims a new instance; 'person': for the address in the next two.
    kind         TEXT    NOT NULL CHECK (kind IN ('first_admin', 'person')),
    -- As in users.
    email        TEXT,
    email_key    TEXT,
    -- What the claimant gets; the first administrator's goes without saying.
    role         TEXT             CHECK (role IN ('member', 'admin')),
    -- SHA-256 of what the link holds.
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    -- NULL: the operator.
    created_by   BLOB             REFERENCES users (id),
    created_at   INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    -- Can be claimed before this instant.
    expires_at   INTEGER NOT NULL CHECK (expires_at BETWEEN 0 AND 253402300799999),
    claimed_at   INTEGER          CHECK (claimed_at BETWEEN 0 AND 253402300799999),
    claimed_by   BLOB             REFERENCES users (id),
    withdrawn_at INTEGER          CHECK (withdrawn_at BETWEEN 0 AND 253402300799999),
    CHECK ((kind = 'person') = (email IS NOT NULL)),
    CHECK ((kind = 'person') = (email_key IS NOT NULL)),
    CHECK ((kind = 'person') = (role IS NOT NULL)),
    CHECK ((claimed_at IS NULL) = (claimed_by IS NULL))
) STRICT;

-- The earlier invites that a new one for the same address replaces.
CREATE INDEX invites_open ON invites (email_key)
    WHERE claimed_at IS NULL AND withdrawn_at IS NULL;

-- Attempts that are counted together, within a window that begins with the first of them.
CREATE TABLE attempts (
    key      TEXT    NOT NULL PRIMARY KEY,
    begun_at INTEGER NOT NULL CHECK (begun_at BETWEEN 0 AND 253402300799999),
    count    INTEGER NOT NULL CHECK (count BETWEEN 0 AND 4294967295)
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_begun ON attempts (begun_at);

-- What a user is to be told when they sign in next: a token of theirs was reported as leaked.
CREATE TABLE notices (
    user_id    BLOB    NOT NULL REFERENCES users (id),
    -- The token's id, with its prefix, and its name. No foreign key: the notice outlives the token.
    token      TEXT    NOT NULL,
    token_name TEXT    NOT NULL,
    at         INTEGER NOT NULL CHECK (at BETWEEN 0 AND 253402300799999),
    PRIMARY KEY (user_id, token)
) STRICT, WITHOUT ROWID;

-- An administrator looks for tokens that are about to expire.
CREATE INDEX tokens_expiring ON tokens (expires_at)
    WHERE expires_at IS NOT NULL AND revoked_at IS NULL;

-- The trail is rebuilt, because its checks change. Dropping a table fires no trigger, so the old
-- one's cannot stop it; the last two statements make them anew.
CREATE TABLE audit_events_rebuilt (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at             INTEGER NOT NULL CHECK (at BETWEEN 0 AND 253402300799999),
    -- 'token', 'session': a user through a token or a browser session, named by two of the next
    -- three; 'operator': a shell on the server; 'anonymous': somebody without a credential.
    actor          TEXT    NOT NULL
                   CHECK (actor IN ('token', 'session', 'operator', 'anonymous')),
    -- These are ids with their prefix, as the API writes them, and no foreign keys: the trail
    -- outlives what it tells of.
    actor_user     TEXT,
    actor_token    TEXT,
    actor_session  TEXT,
    -- As in token.issued; what was changed; what else came of it.
    action         TEXT    NOT NULL,
    subject        TEXT    NOT NULL,
    related        TEXT,
    -- The request in which it happened, to be found again in the logs, and where it came from.
    request_id     TEXT,
    client_address TEXT,
    CHECK ((actor IN ('token', 'session')) = (actor_user IS NOT NULL)),
    CHECK ((actor = 'token') = (actor_token IS NOT NULL)),
    CHECK ((actor = 'session') = (actor_session IS NOT NULL))
) STRICT;

INSERT INTO audit_events_rebuilt
    (id, at, actor, actor_user, actor_token, action, subject, related, request_id)
SELECT id, at, actor, actor_user, actor_token, action, subject, related, request_id
FROM audit_events;

DROP TABLE audit_events;
ALTER TABLE audit_events_rebuilt RENAME TO audit_events;

CREATE INDEX audit_events_newest ON audit_events (at DESC, id DESC);
-- One for each filter, in the order of a page.
CREATE INDEX audit_events_of_actor ON audit_events (actor_user, at DESC, id DESC)
    WHERE actor_user IS NOT NULL;
CREATE INDEX audit_events_of_action ON audit_events (action, at DESC, id DESC);
CREATE INDEX audit_events_of_subject ON audit_events (subject, at DESC, id DESC);
CREATE INDEX audit_events_of_related ON audit_events (related, at DESC, id DESC)
    WHERE related IS NOT NULL;

CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;

CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
