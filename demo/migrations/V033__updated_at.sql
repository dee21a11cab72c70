-- Caches want to know what changed since they looked.
ALTER TABLE products ADD COLUMN updated_at timestamptz NOT NULL DEFAULT '2024-01-01 00:00+00';
ALTER TABLE products ALTER COLUMN updated_at SET DEFAULT now();
CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER products_touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
