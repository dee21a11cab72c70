CREATE POLICY p ON orders USING (user_id = (SELECT auth.uid()));
CREATE POLICY q ON orders USING (tenant_id = (SELECT current_setting('app.tenant')::bigint));
CREATE POLICY r ON orders USING (lower(name) = 'x');
