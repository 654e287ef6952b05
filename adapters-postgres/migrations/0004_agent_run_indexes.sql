-- What runs end with. In a file of its own, so that lookups do not wait while these are built.
SET LOCAL lock_timeout = '2s';

CREATE INDEX tokens_runs_of_issuer ON tokens (issuer_id)
    WHERE kind = 'agent_run' AND revoked_at IS NULL;
CREATE INDEX tokens_runs_of_work_item ON tokens (work_item)
    WHERE kind = 'agent_run' AND revoked_at IS NULL AND work_item IS NOT NULL;
