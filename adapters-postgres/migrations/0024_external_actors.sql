-- The audit log has one more kind of actor: 'external', a user whom an embedding service
-- authenticated. All existing rows passed the narrower checks that these replace.
SET LOCAL lock_timeout = '2s';

ALTER TABLE audit_events
    DROP CONSTRAINT audit_events_actor_check,
    DROP CONSTRAINT audit_events_actor_user_check,
    ADD CONSTRAINT audit_events_actor_check
        CHECK (actor IN ('token', 'session', 'external', 'operator', 'anonymous')) NOT VALID,
    ADD CONSTRAINT audit_events_actor_user_check
        CHECK ((actor IN ('token', 'session', 'external')) = (actor_user IS NOT NULL)) NOT VALID;
