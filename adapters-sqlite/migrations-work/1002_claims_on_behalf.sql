-- The person who claimed an item for an agent without a run: the claim ends when they are deleted.
-- NULL also for claims from before this column.
ALTER TABLE work_items ADD COLUMN claim_on_behalf_id BLOB REFERENCES users (id);
