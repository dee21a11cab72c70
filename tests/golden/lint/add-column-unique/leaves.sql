CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD COLUMN slug text UNIQUE;
ALTER TABLE users ADD COLUMN slug text;
