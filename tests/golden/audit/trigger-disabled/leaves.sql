CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE orders (id bigint PRIMARY KEY);
CREATE TRIGGER audit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
-- Fires on a replica only, by intention.
CREATE TRIGGER replayed BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE orders ENABLE REPLICA TRIGGER replayed;
CREATE TABLE order_items (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id));
