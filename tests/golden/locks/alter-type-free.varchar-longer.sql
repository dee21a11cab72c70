-- relations: table=orders
CREATE TABLE orders (id bigint PRIMARY KEY, c varchar(10));
INSERT INTO orders SELECT i FROM generate_series(1, 100) AS i;
CREATE INDEX orders_c ON orders (c);
-- measure
ALTER TABLE orders ALTER COLUMN c TYPE varchar(20);
