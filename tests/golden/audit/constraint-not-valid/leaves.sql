CREATE TABLE users (id bigint PRIMARY KEY, age integer CHECK (age > 0));
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));
ALTER TABLE orders ADD CHECK (id > 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_id_check;
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
