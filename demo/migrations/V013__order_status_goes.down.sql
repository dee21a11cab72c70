-- The way back from V013__order_status_goes.sql: the column is filled from the state again.
ALTER TABLE orders ALTER COLUMN state DROP DEFAULT;
ALTER TABLE orders ADD COLUMN status text NOT NULL DEFAULT 'new';
CREATE FUNCTION orders_keep_state() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.state IS NULL THEN
      NEW.state := NEW.status::public.order_state;
    ELSE
      NEW.status := NEW.state::text;
    END IF;
  ELSIF NEW.state IS DISTINCT FROM OLD.state THEN
    NEW.status := NEW.state::text;
  ELSE
    NEW.state := NEW.status::public.order_state;
  END IF;
  RETURN NEW;
END $$;
-- pgkeep:batch key=id size=500
UPDATE orders SET status = state::text WHERE status <> state::text;
CREATE TRIGGER orders_keep_state BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_keep_state();
ALTER TABLE orders ADD CONSTRAINT orders_status_known CHECK (status IN ('new', 'paid', 'shipped', 'done')) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_status_known;
