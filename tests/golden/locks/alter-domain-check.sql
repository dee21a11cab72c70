-- relations: user=orders
CREATE DOMAIN positive AS integer;
CREATE TABLE orders (id bigint PRIMARY KEY, amount positive);
INSERT INTO orders SELECT i, i FROM generate_series(1, 100) AS i;
-- measure
ALTER DOMAIN positive ADD CONSTRAINT is_positive CHECK (VALUE > 0);
