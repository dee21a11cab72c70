-- relations: table=orders
CREATE TABLE orders (id bigint PRIMARY KEY, c char(10));
INSERT INTO orders SELECT i FROM generate_series(1, 100) AS i;
-- measure
ALTER TABLE orders ALTER COLUMN c TYPE text;
