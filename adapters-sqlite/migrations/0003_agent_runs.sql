-- Agent runs: tokens of the kind that had a name from the beginning and no row yet, with what they
-- are for.

-- Which agent works with it.
ALTER TABLE tokens ADD COLUMN agent_id TEXT
    CHECK ((kind = 'agent_run') = (agent_id IS NOT NULL))
    -- A run expires.
    CHECK (kind = 'personal' OR expires_at IS NOT NULL);
-- The key, as in OPS-42, of the only work item that it may change. No foreign key: work items may
-- be kept elsewhere.
ALTER TABLE tokens ADD COLUMN work_item TEXT
    CHECK (kind = 'agent_run' OR work_item IS NULL);
-- The id of the personal token that it was issued with. No foreign key: an ended run is remembered
-- when its issuer has been purged.
ALTER TABLE tokens ADD COLUMN issuer_id BLOB
    CHECK (length(issuer_id) = 16)
    CHECK ((kind = 'agent_run') = (issuer_id IS NOT NULL));

-- The runs that end with a token, with a work item and with a user's suspension; the last are also
-- counted for the quota. Those that have expired long since are passed over.
CREATE INDEX agent_runs_of_issuer ON tokens (issuer_id, expires_at)
    WHERE issuer_id IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX agent_runs_of_work_item ON tokens (work_item, expires_at)
    WHERE work_item IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX agent_runs_unrevoked ON tokens (owner_id, expires_at)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;
-- An owner's runs, the newest first, those that are over included.
CREATE INDEX agent_runs_of_owner ON tokens (owner_id, id DESC) WHERE kind = 'agent_run';
-- Personal tokens, an owner's and everybody's: those are few, and are not to be looked for among
-- runs. The first replaces tokens_of_owner, which the release before still searches.
CREATE INDEX personal_tokens_of_owner ON tokens (owner_id, created_at DESC, id DESC)
    WHERE kind = 'personal' AND revoked_at IS NULL;
CREATE INDEX personal_tokens ON tokens (id DESC) WHERE kind = 'personal';
