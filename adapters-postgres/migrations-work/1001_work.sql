-- Work items and the numbers that they are given.
--
-- Only databases that keep work have this. It stands on `migrations`, and nothing there stands on
-- it.
SET LOCAL lock_timeout = '2s';

CREATE TABLE work_domains (
    -- As in the OPS of OPS-42. Keys are compared by their bytes.
    key         text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(key) BETWEEN 2 AND 10),
    -- The greatest number that was given, also to an item that is deleted by now: its key is not
    -- given to another.
    last_number integer          NOT NULL CHECK (last_number >= 0)
);

CREATE TABLE work_items (
    -- These three are the key, as in OPS-42, or OPS-42.1 for a part of that one.
    domain        text COLLATE "C" NOT NULL REFERENCES work_domains (key),
    number        integer  NOT NULL CHECK (number > 0),
    -- 0: no part.
    part          integer  NOT NULL CHECK (part >= 0),
    kind          text     NOT NULL CHECK (kind IN ('project', 'task', 'sub_task')),
    title         text     NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- Markdown.
    description   text     NOT NULL CHECK (octet_length(description) <= 32000),
    -- Key, title and description as a search compares them (in lower case), by the application, so
    -- that all stores search alike.
    search_text   text     NOT NULL,
    status        text     NOT NULL CHECK (status IN ('todo', 'in_progress', 'done', 'cancelled')),
    -- 0 low, 1 medium, 2 high, 3 urgent: the queue sorts by it.
    priority      smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    -- Who may take it on.
    target        text     NOT NULL CHECK (target IN ('human', 'agent', 'either')),
    -- The person who sees to it.
    assignee_id   uuid              REFERENCES users (id),
    -- Who works at it: an agent or a person. Read with care: a claim that was made in a run counts
    -- only while that run's token is live.
    claim_agent   text,
    claim_user_id uuid              REFERENCES users (id),
    -- The token of the run in which the agent claimed it; NULL with an agent: a person claimed it
    -- for the agent. No foreign key: tokens are forgotten, and a claim whose run is gone is none.
    claim_run_id  uuid,
    claimed_at    instant,
    created_by    uuid     NOT NULL REFERENCES users (id),
    created_at    instant  NOT NULL,
    updated_at    instant  NOT NULL,
    -- When it was done or cancelled.
    resolved_at   instant,
    -- Counts its changes.
    version       bigint   NOT NULL CHECK (version > 0),
    -- The greatest number that a part of it was given, also one that is deleted by now.
    last_part     integer  NOT NULL CHECK (last_part >= 0),
    PRIMARY KEY (domain, number, part),
    CONSTRAINT work_items_is_part_check CHECK ((kind = 'sub_task') = (part > 0)),
    CONSTRAINT work_items_resolved_check
        CHECK ((status IN ('done', 'cancelled')) = (resolved_at IS NOT NULL)),
    -- Claimed by one of the two, or by none.
    CONSTRAINT work_items_claimed_check
        CHECK (num_nonnulls(claim_agent, claim_user_id) = num_nonnulls(claimed_at)),
    CONSTRAINT work_items_claim_run_check CHECK (claim_run_id IS NULL OR claim_agent IS NOT NULL)
)
-- Items are claimed, released and completed; room for a few new versions of their rows.
WITH (fillfactor = 85);

-- A page, the newest first: of everything, of a domain, of a person. The parts of an item lie side
-- by side in the primary key.
CREATE INDEX work_items_newest ON work_items (created_at, domain, number, part);
CREATE INDEX work_items_of_domain ON work_items (domain, created_at, number, part);
CREATE INDEX work_items_of_assignee ON work_items (assignee_id, created_at, domain, number, part)
    WHERE assignee_id IS NOT NULL;
-- The queue: what is to be done, the most urgent first, then the oldest.
CREATE INDEX work_items_open ON work_items (priority DESC, created_at, domain, number, part)
    WHERE status IN ('todo', 'in_progress');
-- What is in the hands of an agent, and of one run.
CREATE INDEX work_items_of_agent ON work_items (claim_agent) WHERE claim_agent IS NOT NULL;
CREATE INDEX work_items_of_run ON work_items (claim_run_id) WHERE claim_run_id IS NOT NULL;
