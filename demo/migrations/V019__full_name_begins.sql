-- "name" was taken for the login name once too often. Old programs write name, new ones full_name.
ALTER TABLE users ADD COLUMN full_name text;
CREATE FUNCTION users_keep_name() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.full_name := coalesce(NEW.full_name, NEW.name);
    NEW.name := coalesce(NEW.name, NEW.full_name);
  ELSIF NEW.full_name IS DISTINCT FROM OLD.full_name THEN
    NEW.name := NEW.full_name;
  ELSE
    NEW.full_name := NEW.name;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER users_keep_name BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION users_keep_name();
