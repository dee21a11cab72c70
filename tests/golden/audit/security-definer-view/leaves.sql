-- min-version: 15
CREATE ROLE g_security_definer_view_owner;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id bigint NOT NULL);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON orders USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::bigint));
CREATE VIEW bound WITH (security_invoker = true) AS SELECT id FROM orders;
CREATE TABLE countries (code text PRIMARY KEY);
CREATE VIEW codes AS SELECT code FROM countries;
CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id bigint NOT NULL);
ALTER TABLE items OWNER TO g_security_definer_view_owner;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
ALTER TABLE items FORCE ROW LEVEL SECURITY;
CREATE VIEW own_items AS SELECT id FROM items;
ALTER VIEW own_items OWNER TO g_security_definer_view_owner;
