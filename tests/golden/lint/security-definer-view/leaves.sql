CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id bigint);
CREATE TABLE colours (id bigint PRIMARY KEY);
CREATE POLICY p ON orders USING (tenant_id = 1);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE VIEW recent WITH (security_invoker = true) AS SELECT id FROM orders;
CREATE VIEW shades AS SELECT id FROM colours;
