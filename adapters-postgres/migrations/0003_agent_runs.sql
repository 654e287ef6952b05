-- Agent runs: tokens that a person issues to an automated worker.
--
-- Nothing else is in this file: its lock stops lookups, and no weaker one may come before it.
SET LOCAL lock_timeout = '2s';

-- The checks are not made on the rows that are there, which would take a while: none is an agent
-- run's, and none has any of this.
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
