-- Accounts: passwords, browser sessions, one-time sign-in links, invites, counts of attempts and
-- notices; and a trail that knows more kinds of actor.
--
-- What is new and the indexes come first: they hold up changes at most. What lookups would wait
-- for comes last, takes no time, and fails rather than wait for long.
SET LOCAL lock_timeout = '2s';

-- A session that is ended is deleted: nobody has to be told what became of a cookie.
CREATE TABLE sessions (
    id           uuid    NOT NULL PRIMARY KEY,
    user_id      uuid    NOT NULL REFERENCES users (id),
    -- SHA-256 of what the cookie holds.
    digest       bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    created_at   instant NOT NULL,
    -- A minute behind at most.
    last_seen_at instant NOT NULL,
    -- What the browser called itself; proves nothing.
    client       text    NOT NULL
)
-- As for tokens: last_seen_at is in no index.
WITH (fillfactor = 85);

CREATE INDEX sessions_of_user ON sessions (user_id, created_at DESC, id DESC);

CREATE TABLE sign_in_links (
    id         uuid    NOT NULL PRIMARY KEY,
    user_id    uuid    NOT NULL REFERENCES users (id),
    -- SHA-256 of what the URL holds.
    digest     bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    -- NULL: the operator.
    created_by uuid             REFERENCES users (id),
    created_at instant NOT NULL,
    -- Can be used before this instant.
    expires_at instant NOT NULL,
    -- When it was used, or made void by a later one, a new password or a suspension.
    used_at    instant
);

CREATE INDEX sign_in_links_of_user ON sign_in_links (user_id);

CREATE TABLE invites (
    id           uuid    NOT NULL PRIMARY KEY,
    -- 'first_admin': for whoever claims a new instance; 'person': for the address in the next two.
    kind         text    NOT NULL CHECK (kind IN ('first_admin', 'person')),
    -- As in users.
    email        text,
    email_key    text,
    -- What the claimant gets; the first administrator's goes without saying.
    role         text             CHECK (role IN ('member', 'admin')),
    -- SHA-256 of what the link holds.
    digest       bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    -- NULL: the operator.
    created_by   uuid             REFERENCES users (id),
    created_at   instant NOT NULL,
    -- Can be claimed before this instant.
    expires_at   instant NOT NULL,
    claimed_at   instant,
    claimed_by   uuid             REFERENCES users (id),
    withdrawn_at instant,
    CONSTRAINT invites_email_check CHECK ((kind = 'person') = (email IS NOT NULL)),
    CONSTRAINT invites_email_key_check CHECK ((kind = 'person') = (email_key IS NOT NULL)),
    CONSTRAINT invites_has_role_check CHECK ((kind = 'person') = (role IS NOT NULL)),
    CONSTRAINT invites_claimed_check CHECK ((claimed_at IS NULL) = (claimed_by IS NULL))
);

-- The earlier invites that a new one for the same address replaces.
CREATE INDEX invites_open ON invites (email_key)
    WHERE claimed_at IS NULL AND withdrawn_at IS NULL;

-- Attempts that are counted together, within a window that begins with the first of them.
CREATE TABLE attempts (
    key      text    NOT NULL PRIMARY KEY,
    begun_at instant NOT NULL,
    count    bigint  NOT NULL CHECK (count BETWEEN 0 AND 4294967295)
);

CREATE INDEX attempts_begun ON attempts (begun_at);

-- What a user is to be told when they sign in next: a token of theirs was reported as leaked.
CREATE TABLE notices (
    user_id    uuid    NOT NULL REFERENCES users (id),
    -- The token's id, with its prefix, and its name. No foreign key: the notice outlives the token.
    token      text    NOT NULL,
    token_name text    NOT NULL,
    at         instant NOT NULL,
    PRIMARY KEY (user_id, token)
);

-- An administrator looks for tokens that are about to expire.
CREATE INDEX tokens_expiring ON tokens (expires_at)
    WHERE expires_at IS NOT NULL AND revoked_at IS NULL;

-- One for each filter of the trail, in the order of a page.
CREATE INDEX audit_events_of_actor ON audit_events (actor_user, at DESC, id DESC)
    WHERE actor_user IS NOT NULL;
CREATE INDEX audit_events_of_action ON audit_events (action, at DESC, id DESC);
CREATE INDEX audit_events_of_subject ON audit_events (subject, at DESC, id DESC);
CREATE INDEX audit_events_of_related ON audit_events (related, at DESC, id DESC)
    WHERE related IS NOT NULL;

-- 'session': a user through a browser session; 'anonymous': somebody without a credential. The new
-- checks are not made on the rows that are there, which would take a while: all of them passed the
-- narrower ones that these replace.
ALTER TABLE audit_events
    ADD COLUMN actor_session text,
    -- Where the request came from.
    ADD COLUMN client_address text,
    DROP CONSTRAINT audit_events_actor_check,
    DROP CONSTRAINT audit_events_check,
    DROP CONSTRAINT audit_events_check1,
    ADD CONSTRAINT audit_events_actor_check
        CHECK (actor IN ('token', 'session', 'operator', 'anonymous')) NOT VALID,
    ADD CONSTRAINT audit_events_actor_user_check
        CHECK ((actor IN ('token', 'session')) = (actor_user IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT audit_events_actor_token_check
        CHECK ((actor = 'token') = (actor_token IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT audit_events_actor_session_check
        CHECK ((actor = 'session') = (actor_session IS NOT NULL)) NOT VALID;

-- A PHC string of a slow hash; NULL: none yet, the account is opened by a one-time link. In no
-- other table is there anything of a password.
ALTER TABLE users ADD COLUMN password_hash text;
