CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);
ALTER TABLE orders SET UNLOGGED;
CREATE UNLOGGED TABLE cache (id bigint);
