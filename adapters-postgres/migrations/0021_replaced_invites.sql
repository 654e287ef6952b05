-- An invite that a later one for the same address replaced is told from a withdrawn one. Notices also
-- tell what administrators did; their `token` is the id of the audit event (`evt_…`), and their
-- `token_name` is empty. A server of an earlier release leaves them out.
SET LOCAL lock_timeout = '2s';

-- The later invite. No foreign key: it may be deleted before.
ALTER TABLE invites ADD COLUMN replaced_by uuid;
-- How many of the user's tokens an administrator revoked; NULL in notices about anything else.
ALTER TABLE notices ADD COLUMN revoked bigint CHECK (revoked > 0);
