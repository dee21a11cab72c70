-- min-version: 15
CREATE ROLE g_security_definer_view_app;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id bigint NOT NULL);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON orders USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::bigint));
CREATE VIEW open_orders AS SELECT id FROM orders;
GRANT SELECT ON open_orders TO g_security_definer_view_app;
CREATE VIEW nobody_reads AS SELECT id FROM orders;
