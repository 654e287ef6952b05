-- One name for each thing, in stored rows as well: the table of rate limits, and the actions of the
-- audit log. This one renames what the release before uses, since none was published.
SET LOCAL lock_timeout = '2s';
ALTER TABLE attempts RENAME TO rate_limits;
ALTER TABLE rate_limits RENAME CONSTRAINT attempts_pkey TO rate_limits_pkey;
ALTER TABLE rate_limits RENAME CONSTRAINT attempts_count_check TO rate_limits_count_check;
ALTER INDEX attempts_begun RENAME TO rate_limits_begun;

ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only;
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
ALTER TABLE audit_events ENABLE TRIGGER audit_events_append_only;
