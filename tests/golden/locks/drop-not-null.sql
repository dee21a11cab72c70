-- relations: table=orders
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount integer, note varchar(20), placed timestamp);
INSERT INTO customers SELECT i, 'c' FROM generate_series(1, 100) AS i;
INSERT INTO orders SELECT i, i, i, 'n', now() FROM generate_series(1, 100) AS i;
ALTER TABLE orders ALTER COLUMN amount SET NOT NULL;
-- measure
ALTER TABLE orders ALTER COLUMN amount DROP NOT NULL;
