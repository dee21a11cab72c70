-- Policy and row security together.
CREATE POLICY own ON orders USING (author_id = 1);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
