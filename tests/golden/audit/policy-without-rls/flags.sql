CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id bigint NOT NULL);
CREATE POLICY tenant ON orders USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::bigint));
