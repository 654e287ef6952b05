-- What the indexes of 0026 replace, also for servers of the release before. Takes no time, but the
-- lock that every lookup waits for.
SET LOCAL lock_timeout = '2s';

DROP INDEX tokens_personal_named;
DROP INDEX tokens_personal_ending;
