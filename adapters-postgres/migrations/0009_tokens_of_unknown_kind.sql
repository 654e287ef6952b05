-- Damaged rows whose kind is none of those that are known, for the lists that name them. There are
-- none, so the index is empty, and saves the lists from reading every token. Changes of tokens wait
-- while it is built, and no lookup.
SET LOCAL lock_timeout = '2s';

CREATE INDEX tokens_of_unknown_kind ON tokens (owner_id, id DESC)
    WHERE kind NOT IN ('personal', 'agent_run');
