-- One name for each thing, in stored rows as well: the table of rate limits, and the actions of the
-- audit log.
ALTER TABLE attempts RENAME TO rate_limits;
DROP INDEX attempts_begun;
CREATE INDEX rate_limits_begun ON rate_limits (begun_at);

DROP TRIGGER audit_events_no_update;
UPDATE audit_events SET action = CASE action
        WHEN 'token.issued' THEN 'token.created'
        WHEN 'token.reported' THEN 'token.reported_leaked'
        WHEN 'session.refused' THEN 'sign_in.rejected'
        WHEN 'session.refused_repeatedly' THEN 'sign_in.rejected_repeatedly'
        WHEN 'admin.refused' THEN 'admin.denied'
        WHEN 'admin.refused_repeatedly' THEN 'admin.denied_repeatedly'
    END
    WHERE action IN ('token.issued', 'token.reported', 'session.refused',
        'session.refused_repeatedly', 'admin.refused', 'admin.refused_repeatedly');
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
