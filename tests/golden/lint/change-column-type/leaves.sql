CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);
ALTER TABLE orders ALTER COLUMN amount TYPE bigint;
