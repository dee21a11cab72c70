-- relations: table=orders
CREATE TABLE orders (id bigint PRIMARY KEY, c timestamp);
INSERT INTO orders SELECT i FROM generate_series(1, 100) AS i;
-- measure
ALTER TABLE orders ALTER COLUMN c TYPE timestamp(0);
