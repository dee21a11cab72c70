-- relations: table=orders
CREATE TABLE orders (id bigint PRIMARY KEY, c numeric(10,2));
INSERT INTO orders SELECT i FROM generate_series(1, 100) AS i;
-- measure
ALTER TABLE orders ALTER COLUMN c TYPE numeric(10,3);
