-- database: shop.json
-- Row security is off: the policy waits.
CREATE POLICY own ON orders USING (author_id = 1);
CREATE TABLE t (a int);
CREATE POLICY own ON t USING (true);
DROP POLICY own ON t;
