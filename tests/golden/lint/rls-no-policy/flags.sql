CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id bigint);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
