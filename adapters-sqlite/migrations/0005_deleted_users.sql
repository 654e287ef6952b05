-- Users who were deleted, and events that tell of a user's former and new address.

-- When the user was deleted. Their row stays, because tokens, work items and invites refer to its id;
-- email and name are empty then, and email_key is the id, which no address has.
ALTER TABLE users ADD COLUMN deleted_at INTEGER
    CHECK (deleted_at BETWEEN 0 AND 253402300799999);

-- Both addresses, where the action is user.email_changed.
ALTER TABLE audit_events ADD COLUMN email_from TEXT;
ALTER TABLE audit_events ADD COLUMN email_to TEXT;
