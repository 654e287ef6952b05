-- Makes the checks of 0002 and 0003 on the rows that were there before them. No lookup and no change
-- waits meanwhile, nor for this to begin.
ALTER TABLE audit_events
    VALIDATE CONSTRAINT audit_events_actor_check,
    VALIDATE CONSTRAINT audit_events_actor_user_check,
    VALIDATE CONSTRAINT audit_events_actor_token_check,
    VALIDATE CONSTRAINT audit_events_actor_session_check;

ALTER TABLE tokens
    VALIDATE CONSTRAINT tokens_agent_id_check,
    VALIDATE CONSTRAINT tokens_issuer_id_check,
    VALIDATE CONSTRAINT tokens_run_expires_check,
    VALIDATE CONSTRAINT tokens_work_item_check;
