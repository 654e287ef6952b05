-- Tokens, their owners and the audit log, for a store without accounts: what migrations 0001 to 0025
-- create, without the tables of accounts. A test compares the two.
--
-- Ids are UUIDs version 7, so they sort by creation. No default, clock or rule is in here: every
-- value comes from the application.

-- Whole milliseconds from 1970 to the end of year 9999, as the domain's instants; that leaves out
-- infinity, too.
CREATE DOMAIN instant AS timestamptz (3)
    CONSTRAINT instant_range
    CHECK (VALUE >= '1970-01-01 00:00:00+00' AND VALUE < '10000-01-01 00:00:00+00');

CREATE TABLE owners (
    id      uuid     NOT NULL PRIMARY KEY,
    role    text     NOT NULL CHECK (role IN ('member', 'admin')),
    -- 0: suspended; none of the owner's tokens is accepted.
    active  smallint NOT NULL CHECK (active IN (0, 1)),
    -- 1: the owner has or had an account, which determines the rest.
    account smallint NOT NULL CHECK (account IN (0, 1)),
    -- For display; NULL for deleted users, and for owners who were added without them.
    email   text,
    name    text,
    CONSTRAINT owners_profile_check CHECK ((email IS NULL) = (name IS NULL))
);

CREATE TABLE tokens (
    id             uuid    NOT NULL PRIMARY KEY,
    -- A human's or an agent run's; with the id it makes pat_… or run_….
    kind           text    NOT NULL CHECK (kind IN ('personal', 'agent_run')),
    owner_id       uuid    NOT NULL REFERENCES owners (id),
    name           text    NOT NULL,
    scope          text    NOT NULL CHECK (scope IN ('read_write', 'admin')),
    -- SHA-256 of the secret. The secret itself is in no column of any table.
    digest         bytea   NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    created_at     instant NOT NULL,
    -- Live before this instant; NULL: never expires.
    expires_at     instant,
    -- Not NULL: a tombstone, kept so that the holder of the secret learns what happened to it.
    revoked_at     instant,
    -- Written in batches, seconds later.
    last_used_at   instant,
    -- The id, with its prefix, of the token that replaced this one. No foreign key: that this token
    -- was rotated stays true when its successor has been purged.
    successor      text,
    -- The agent of an agent run.
    agent_id       text,
    -- The key of the only work item that a run may change. No foreign key: work items may be
    -- elsewhere.
    work_item      text,
    -- The personal token that a run was started with. No foreign key: a run may outlive its row.
    issuer_id      uuid,
    -- For display and search; without checks, since nothing depends on them.
    last_four      text,
    created_from   text,
    last_used_from text,
    revoked_by     text,
    name_folded    text,
    CONSTRAINT tokens_agent_id_check CHECK ((kind = 'agent_run') = (agent_id IS NOT NULL)),
    CONSTRAINT tokens_issuer_id_check CHECK ((kind = 'agent_run') = (issuer_id IS NOT NULL)),
    CONSTRAINT tokens_run_expires_check CHECK (kind <> 'agent_run' OR expires_at IS NOT NULL),
    CONSTRAINT tokens_work_item_check CHECK (work_item IS NULL OR kind = 'agent_run')
)
-- Room on each page for a few new versions of its rows: last_used_at is in no index, so most of its
-- updates then touch the table alone.
WITH (fillfactor = 85);

CREATE INDEX tokens_expiring ON tokens (expires_at)
    WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX tokens_of_owner ON tokens (owner_id, created_at DESC, id DESC);
CREATE INDEX tokens_of_unknown_kind ON tokens (owner_id, id DESC)
    WHERE kind NOT IN ('personal', 'agent_run');
CREATE INDEX tokens_personal ON tokens (id) WHERE kind = 'personal';
CREATE INDEX tokens_personal_ending
    ON tokens (owner_id, coalesce(expires_at::timestamptz, 'infinity'))
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX tokens_personal_listed ON tokens (owner_id, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX tokens_personal_named ON tokens (owner_id, name, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX tokens_personal_of_owner ON tokens (owner_id, created_at DESC, id DESC)
    WHERE kind = 'personal';
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX tokens_runs_of_issuer ON tokens (issuer_id)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;
CREATE INDEX tokens_runs_of_owner ON tokens (owner_id, id DESC) WHERE kind = 'agent_run';
CREATE INDEX tokens_runs_of_work_item ON tokens (work_item)
    WHERE kind = 'agent_run' AND revoked_at IS NULL AND work_item IS NOT NULL;
CREATE INDEX tokens_unrevoked_runs_of_owner ON tokens (owner_id, expires_at)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;

CREATE TABLE audit_events (
    id             uuid    NOT NULL PRIMARY KEY,
    at             instant NOT NULL,
    -- 'token', 'session', 'external': a user with a token, with a browser session, or whom the
    -- embedding service authenticated; 'operator': a shell on the server, or the embedding service;
    -- 'anonymous': a client without a credential.
    actor          text    NOT NULL,
    -- Ids with their prefix, as the API writes them, and no foreign keys: the audit log outlives
    -- what it is about.
    actor_user     text,
    actor_token    text,
    actor_session  text,
    action         text    NOT NULL,
    subject        text    NOT NULL,
    related        text,
    -- The request that made the change, as in the logs, and its client address.
    request_id     text,
    client_address text,
    -- Both addresses, where the action is user.email_changed.
    email_from     text,
    email_to       text,
    CONSTRAINT audit_events_actor_check
        CHECK (actor IN ('token', 'session', 'external', 'operator', 'anonymous')),
    CONSTRAINT audit_events_actor_user_check
        CHECK ((actor IN ('token', 'session', 'external')) = (actor_user IS NOT NULL)),
    CONSTRAINT audit_events_actor_token_check CHECK ((actor = 'token') = (actor_token IS NOT NULL)),
    CONSTRAINT audit_events_actor_session_check
        CHECK ((actor = 'session') = (actor_session IS NOT NULL))
);

CREATE INDEX audit_events_newest ON audit_events (at DESC, id DESC);
CREATE INDEX audit_events_of_action ON audit_events (action, at DESC, id DESC);
CREATE INDEX audit_events_of_actor ON audit_events (actor_user, at DESC, id DESC)
    WHERE actor_user IS NOT NULL;
CREATE INDEX audit_events_of_related ON audit_events (related, at DESC, id DESC)
    WHERE related IS NOT NULL;
CREATE INDEX audit_events_of_subject ON audit_events (subject, at DESC, id DESC);

CREATE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit events are append-only';
END
$$;

CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_append_only();

-- Attempts that are counted together, within a window that begins with the first of them.
CREATE TABLE rate_limits (
    key      text    NOT NULL PRIMARY KEY,
    begun_at instant NOT NULL,
    count    bigint  NOT NULL CHECK (count BETWEEN 0 AND 4294967295)
);

CREATE INDEX rate_limits_begun ON rate_limits (begun_at);

CREATE TABLE used_forms (
    -- As the page put it into the form; its first 48 bits are when that was.
    id      uuid    NOT NULL PRIMARY KEY,
    -- The id of what it created; of a sign-in link, the user's.
    made    text    NOT NULL,
    used_at instant NOT NULL
);

-- What is older than a form can be is deleted.
CREATE INDEX used_forms_by_use ON used_forms (used_at);
