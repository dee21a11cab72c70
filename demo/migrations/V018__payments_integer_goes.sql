-- The narrow column has been unused for a release.
-- pgkeep:ignore drop-column: nothing reads it since V017
ALTER TABLE payments DROP COLUMN amount_cents_old;
