-- Where a browser session was signed in from, for its user to recognize it by; null for sessions of
-- before.
ALTER TABLE sessions ADD COLUMN client_address TEXT;
