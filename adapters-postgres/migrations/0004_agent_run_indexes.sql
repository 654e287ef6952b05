-- What agent runs are looked for by. Changes of tokens wait while these are built, and no lookup.
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
-- What runs end with.
CREATE INDEX tokens_runs_of_issuer ON tokens (issuer_id)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;
CREATE INDEX tokens_runs_of_work_item ON tokens (work_item)
    WHERE kind = 'agent_run' AND revoked_at IS NULL AND work_item IS NOT NULL;
