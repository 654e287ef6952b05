-- Work items. Ids and instants are as in the first migration of the other group, and no default,
-- clock or rule is in here either.

-- The parts of the work, each with the number that was given last in it: it only grows, so that the
-- key of a deleted item is not given to another.
CREATE TABLE work_domains (
    key         TEXT    NOT NULL PRIMARY KEY CHECK (length(key) BETWEEN 2 AND 10),
    last_number INTEGER NOT NULL CHECK (last_number BETWEEN 0 AND 2147483647)
) STRICT, WITHOUT ROWID;

-- With a row id, unlike other tables with a key of their own: rows with a long description would
-- make a tree without one deep.
CREATE TABLE work_items (
    -- The three of them are the key: OPS-42, or OPS-42.1.
    domain       TEXT    NOT NULL REFERENCES work_domains (key),
    number       INTEGER NOT NULL CHECK (number BETWEEN 1 AND 2147483647),
    -- 0: no part of another item. Not NULL: it sorts before all parts, and is unique.
    part         INTEGER NOT NULL CHECK (part BETWEEN 0 AND 2147483647),
    kind         TEXT    NOT NULL CHECK (kind IN ('project', 'task', 'sub_task')),
    status       TEXT    NOT NULL CHECK (status IN ('todo', 'in_progress', 'done', 'cancelled')),
    -- 0 is low, 3 is urgent: the queue is in this order.
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
    target       TEXT    NOT NULL CHECK (target IN ('human', 'agent', 'either')),
    assignee_id  BLOB             REFERENCES users (id),
    -- The claim: the agent that works at it, or the person; since when; and in which run an agent
    -- does (NULL: a person claimed it for the agent). A claim with a run holds while that run is
    -- live; when it does not, it stays here until the item is written next. No foreign key: the run
    -- may be forgotten.
    claim_agent   TEXT,
    claim_user_id BLOB            REFERENCES users (id),
    claim_run_id  BLOB            CHECK (length(claim_run_id) = 16),
    claimed_at    INTEGER         CHECK (claimed_at BETWEEN 0 AND 253402300799999),
    created_by   BLOB    NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999),
    updated_at   INTEGER NOT NULL CHECK (updated_at BETWEEN 0 AND 253402300799999),
    -- When it was done or cancelled.
    resolved_at  INTEGER          CHECK (resolved_at BETWEEN 0 AND 253402300799999),
    -- Counts the changes, from 1.
    version      INTEGER NOT NULL CHECK (version >= 1),
    -- The number of the last part that it was given; it only grows, as in work_domains.
    last_part    INTEGER NOT NULL CHECK (last_part BETWEEN 0 AND 2147483647),
    title        TEXT    NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- Markdown; its length is in bytes.
    description  TEXT    NOT NULL CHECK (length(CAST(description AS BLOB)) <= 32000),
    -- Key, title and description in lower case, made by the application: SQLite knows the lower
    -- case of ASCII alone, and all stores are to find the same.
    search_text  TEXT    NOT NULL,
    PRIMARY KEY (domain, number, part),
    CHECK ((kind = 'sub_task') = (part <> 0)),
    CHECK ((claim_agent IS NOT NULL) + (claim_user_id IS NOT NULL) = (claimed_at IS NOT NULL)),
    CHECK (claim_run_id IS NULL OR claim_agent IS NOT NULL),
    CHECK ((status IN ('done', 'cancelled')) = (resolved_at IS NOT NULL))
) STRICT;

-- A page, the newest first: of everything, of a part of the work, of a person. The parts of an item
-- lie side by side in the primary key.
CREATE INDEX work_items_newest ON work_items (created_at, domain, number, part);
CREATE INDEX work_items_of_domain ON work_items (domain, created_at, number, part);
CREATE INDEX work_items_of_assignee ON work_items (assignee_id, created_at, domain, number, part)
    WHERE assignee_id IS NOT NULL;
-- The queue, in its order: what agents may take on, and what a person is to do.
CREATE INDEX work_items_available
    ON work_items (priority DESC, created_at, domain, number, part)
    WHERE status IN ('todo', 'in_progress') AND target <> 'human';
CREATE INDEX work_items_to_do
    ON work_items (assignee_id, priority DESC, created_at, domain, number, part)
    WHERE assignee_id IS NOT NULL AND status IN ('todo', 'in_progress');
-- What an agent works at, in whatever run, and what was claimed in one.
CREATE INDEX work_items_of_agent ON work_items (claim_agent) WHERE claim_agent IS NOT NULL;
CREATE INDEX work_items_of_run ON work_items (claim_run_id) WHERE claim_run_id IS NOT NULL;
