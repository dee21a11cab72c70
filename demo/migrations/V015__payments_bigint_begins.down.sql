-- The way back from V015__payments_bigint_begins.sql.
DROP TRIGGER payments_keep_amount ON payments;
DROP FUNCTION payments_keep_amount();
-- pgkeep:loses public.payments.amount_cents_wide: says what amount_cents says
ALTER TABLE payments DROP COLUMN amount_cents_wide;
