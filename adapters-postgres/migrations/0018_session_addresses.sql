-- Where a browser session was signed in from, for its user to recognize it by; null for sessions of
-- before.
SET LOCAL lock_timeout = '2s';

ALTER TABLE sessions ADD COLUMN client_address text;
