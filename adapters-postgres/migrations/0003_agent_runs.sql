-- Agent runs: tokens that a person issues to an automated worker.
SET LOCAL lock_timeout = '2s';

-- Personal tokens, an owner's and everybody's. Runs come in numbers and are remembered for a while;
-- these few are not to be looked for among them. The first replaces tokens_of_owner, which the
-- previous release still searches.
CREATE INDEX tokens_personal_of_owner ON tokens (owner_id, created_at DESC, id DESC)
    WHERE kind = 'personal';
CREATE INDEX tokens_personal ON tokens (id) WHERE kind = 'personal';
-- An owner's runs, the newest first.
CREATE INDEX tokens_runs_of_owner ON tokens (owner_id, id DESC) WHERE kind = 'agent_run';
-- What the quota of runs is counted from, and what a suspension ends.
CREATE INDEX tokens_unrevoked_runs_of_owner ON tokens (owner_id, expires_at)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;

-- The checks are not made on the rows that are there: none is an agent run's, and none has any of
-- this.
ALTER TABLE tokens
    -- Which agent works with it.
    ADD COLUMN agent_id text,
    -- The key of the only work item that it may change, as in OPS-42; NULL: any. No foreign key:
    -- work items may be kept elsewhere.
    ADD COLUMN work_item text,
    -- The personal token that it was issued with. No foreign key: a run is remembered for as long
    -- as any token, and its issuer may be forgotten first.
    ADD COLUMN issuer_id uuid,
    ADD CONSTRAINT tokens_agent_id_check
        CHECK ((kind = 'agent_run') = (agent_id IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT tokens_issuer_id_check
        CHECK ((kind = 'agent_run') = (issuer_id IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT tokens_run_expires_check
        CHECK (kind <> 'agent_run' OR expires_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT tokens_work_item_check
        CHECK (work_item IS NULL OR kind = 'agent_run') NOT VALID;
