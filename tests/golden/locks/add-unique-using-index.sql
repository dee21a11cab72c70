-- relations: table=orders
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount integer, note varchar(20), placed timestamp);
INSERT INTO customers SELECT i, 'c' FROM generate_series(1, 100) AS i;
INSERT INTO orders SELECT i, i, i, 'n', now() FROM generate_series(1, 100) AS i;
CREATE UNIQUE INDEX orders_amount_key ON orders (amount);
-- measure
ALTER TABLE orders ADD CONSTRAINT orders_amount_key UNIQUE USING INDEX orders_amount_key;
