-- Makes the checks of 0023 and 0024 on the rows that were there before them. No lookup and no change
-- waits meanwhile.
ALTER TABLE tokens VALIDATE CONSTRAINT tokens_owner_id_fkey;
ALTER TABLE audit_events
    VALIDATE CONSTRAINT audit_events_actor_check,
    VALIDATE CONSTRAINT audit_events_actor_user_check;
