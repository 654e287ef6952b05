-- An index of the text that searches are matched against. Rows of an FTS5 table are found by their
-- number, and VACUUM renumbers the rows of a table without an INTEGER PRIMARY KEY. So work items
-- get one, for which the table is rebuilt.
PRAGMA defer_foreign_keys = ON;
-- Damaged rows are copied as they are, so that they can be seen afterwards.
PRAGMA ignore_check_constraints = ON;

CREATE TABLE work_items_rebuilt (
    -- The row in the index of searches; nothing else refers to it.
    id           INTEGER NOT NULL PRIMARY KEY,
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
    -- The claim: the agent or the user who works on the item, since when, and the agent's run
    -- (NULL: a user claimed it for the agent). A claim with a run counts while that run is live. No
    -- foreign key: the run may have been purged.
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
    -- The number of the item's last part; it only grows, as in work_domains.
    last_part    INTEGER NOT NULL CHECK (last_part BETWEEN 0 AND 2147483647),
    title        TEXT    NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- Markdown; its length is in bytes.
    description  TEXT    NOT NULL CHECK (length(CAST(description AS BLOB)) <= 32000),
    -- Key, title and description in lower case, by the application: SQLite knows the lower case of
    -- ASCII only, and all stores find the same.
    search_text  TEXT    NOT NULL,
    -- The user who claimed the item for an agent without a run. NULL also for earlier claims.
    claim_on_behalf_id BLOB REFERENCES users (id),
    UNIQUE (domain, number, part),
    CHECK ((kind = 'sub_task') = (part <> 0)),
    CHECK ((claim_agent IS NOT NULL) + (claim_user_id IS NOT NULL) = (claimed_at IS NOT NULL)),
    CHECK (claim_run_id IS NULL OR claim_agent IS NOT NULL),
    CHECK ((status IN ('done', 'cancelled')) = (resolved_at IS NOT NULL))
) STRICT;

INSERT INTO work_items_rebuilt
    (id, domain, number, part, kind, status, priority, target, assignee_id, claim_agent,
    claim_user_id, claim_run_id, claimed_at, created_by, created_at, updated_at, resolved_at,
    version, last_part, title, description, search_text, claim_on_behalf_id)
SELECT rowid, domain, number, part, kind, status, priority, target, assignee_id, claim_agent,
    claim_user_id, claim_run_id, claimed_at, created_by, created_at, updated_at, resolved_at,
    version, last_part, title, description, search_text, claim_on_behalf_id
FROM work_items;

DROP TABLE work_items;
ALTER TABLE work_items_rebuilt RENAME TO work_items;

CREATE INDEX work_items_newest ON work_items (created_at, domain, number, part);
CREATE INDEX work_items_of_domain ON work_items (domain, created_at, number, part);
CREATE INDEX work_items_of_assignee ON work_items (assignee_id, created_at, domain, number, part)
    WHERE assignee_id IS NOT NULL;
CREATE INDEX work_items_available
    ON work_items (priority DESC, created_at, domain, number, part)
    WHERE status IN ('todo', 'in_progress') AND target <> 'human';
CREATE INDEX work_items_to_do
    ON work_items (assignee_id, priority DESC, created_at, domain, number, part)
    WHERE assignee_id IS NOT NULL AND status IN ('todo', 'in_progress');
CREATE INDEX work_items_of_agent ON work_items (claim_agent) WHERE claim_agent IS NOT NULL;
CREATE INDEX work_items_of_run ON work_items (claim_run_id) WHERE claim_run_id IS NOT NULL;

-- The items that have each sequence of three characters, without a copy of the text and without
-- positions, which would take four times the space: a search compares the text itself.
CREATE VIRTUAL TABLE work_items_search USING fts5 (
    search_text,
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = 'trigram case_sensitive 1'
);

INSERT INTO work_items_search (rowid, search_text) SELECT id, search_text FROM work_items;

-- The triggers maintain the index, so that no writer can forget it, not even a server of the
-- previous release. OR REPLACE: a statement that replaces an item runs no trigger for the one that
-- it deletes.
CREATE TRIGGER work_items_search_insert AFTER INSERT ON work_items
BEGIN
    INSERT OR REPLACE INTO work_items_search (rowid, search_text)
    VALUES (NEW.id, NEW.search_text);
END;

CREATE TRIGGER work_items_search_update AFTER UPDATE OF id, search_text ON work_items
WHEN NEW.id <> OLD.id OR NEW.search_text <> OLD.search_text
BEGIN
    DELETE FROM work_items_search WHERE rowid = OLD.id;
    INSERT OR REPLACE INTO work_items_search (rowid, search_text)
    VALUES (NEW.id, NEW.search_text);
END;

CREATE TRIGGER work_items_search_delete AFTER DELETE ON work_items
BEGIN
    DELETE FROM work_items_search WHERE rowid = OLD.id;
END;

PRAGMA ignore_check_constraints = OFF;
