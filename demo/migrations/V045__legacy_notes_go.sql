-- Notes of the shop before this one; nobody could read the hand.
-- pgkeep:ignore drop-column: the support team has a copy
ALTER TABLE users DROP COLUMN legacy_notes;
