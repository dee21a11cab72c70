-- The status becomes an enum: four bytes, and no other words. First the column, and a trigger that keeps both equal
-- while programs of both versions write.
CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped', 'done');
ALTER TABLE orders ADD COLUMN state order_state;
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
CREATE TRIGGER orders_keep_state BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_keep_state();
