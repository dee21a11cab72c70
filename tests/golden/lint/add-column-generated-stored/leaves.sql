CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD COLUMN twice integer GENERATED ALWAYS AS (amount * 2) STORED;
ALTER TABLE users ADD COLUMN twice integer DEFAULT 2;
