-- The way back from V017__payments_bigint_swap.sql. Payments since then have no old amount: they are filled before it is needed.
-- pgkeep:batch key=id size=400
UPDATE payments SET amount_cents_old = amount_cents WHERE amount_cents_old IS NULL;
ALTER TABLE payments ADD CONSTRAINT payments_amount_there CHECK (amount_cents_old IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE payments VALIDATE CONSTRAINT payments_amount_there;
-- pgkeep:step
ALTER TABLE payments RENAME COLUMN amount_cents TO amount_cents_wide;
ALTER TABLE payments RENAME COLUMN amount_cents_old TO amount_cents;
ALTER TABLE payments ALTER COLUMN amount_cents_wide DROP NOT NULL;
ALTER TABLE payments ALTER COLUMN amount_cents SET NOT NULL;
ALTER TABLE payments DROP CONSTRAINT payments_amount_there;
CREATE FUNCTION payments_keep_amount() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  NEW.amount_cents_wide := NEW.amount_cents;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_keep_amount BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION payments_keep_amount();
