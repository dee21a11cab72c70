CREATE POLICY own ON orders USING (author_id = 1);
CREATE POLICY "No Old" ON shop.orders AS RESTRICTIVE USING (day > now());
