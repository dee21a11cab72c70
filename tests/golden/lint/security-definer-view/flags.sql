CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id bigint);
CREATE POLICY p ON orders USING (tenant_id = 1);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE VIEW recent AS SELECT id FROM orders;
