-- Users who were deleted, and events that tell of a user's former and new address.
--
-- Users come first: every change that writes an event holds a lock of them before, so that none of
-- them waits for this file in a circle. Neither statement reads a row.
SET LOCAL lock_timeout = '2s';

-- When the user was deleted. Their row stays, because tokens, work items and invites refer to its id;
-- email and name are empty then, and email_key is the id, which no address has.
ALTER TABLE users ADD COLUMN deleted_at instant;

-- Both addresses, where the action is user.email_changed.
ALTER TABLE audit_events
    ADD COLUMN email_from text,
    ADD COLUMN email_to text;
