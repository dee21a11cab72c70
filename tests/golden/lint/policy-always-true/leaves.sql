CREATE POLICY p ON orders FOR SELECT USING (true);
CREATE POLICY q ON orders USING (tenant_id = 1);
CREATE POLICY r ON orders TO shop_admin USING (true);
CREATE POLICY s ON orders AS RESTRICTIVE USING (true);
CREATE POLICY t ON orders USING (true) WITH CHECK (tenant_id = 1);
