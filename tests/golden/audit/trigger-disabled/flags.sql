CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE orders (id bigint PRIMARY KEY);
CREATE TRIGGER audit BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE orders DISABLE TRIGGER audit;
-- A load that forgot to switch the foreign key on again.
CREATE TABLE order_items (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id));
ALTER TABLE order_items DISABLE TRIGGER ALL;
-- Said once, at the parent.
CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TRIGGER stamp AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE events DISABLE TRIGGER stamp;
ALTER TABLE events_2026 DISABLE TRIGGER stamp;
CREATE ROLE g_trigger_disabled_etl;
ALTER ROLE g_trigger_disabled_etl SET session_replication_role = 'replica';
