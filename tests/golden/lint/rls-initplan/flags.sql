CREATE POLICY p ON orders USING (user_id = auth.uid());
CREATE POLICY q ON orders USING (tenant_id = current_setting('app.tenant')::bigint);
