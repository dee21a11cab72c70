-- A customer in another currency came near the end of integer cents. First a wider column and a trigger that fills it.
ALTER TABLE payments ADD COLUMN amount_cents_wide bigint;
CREATE FUNCTION payments_keep_amount() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  NEW.amount_cents_wide := NEW.amount_cents;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_keep_amount BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION payments_keep_amount();
