-- Both columns change their names in one short transaction; the check spares SET NOT NULL the scan.
ALTER TABLE payments ADD CONSTRAINT payments_amount_there CHECK (amount_cents_wide IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE payments VALIDATE CONSTRAINT payments_amount_there;
-- pgkeep:step
DROP TRIGGER payments_keep_amount ON payments;
DROP FUNCTION payments_keep_amount();
ALTER TABLE payments ALTER COLUMN amount_cents_wide SET NOT NULL;
ALTER TABLE payments DROP CONSTRAINT payments_amount_there;
ALTER TABLE payments ALTER COLUMN amount_cents DROP NOT NULL;
-- pgkeep:ignore rename-column: both change places in this transaction, and programs see the same names
ALTER TABLE payments RENAME COLUMN amount_cents TO amount_cents_old;
-- pgkeep:ignore rename-column: both change places in this transaction, and programs see the same names
ALTER TABLE payments RENAME COLUMN amount_cents_wide TO amount_cents;
