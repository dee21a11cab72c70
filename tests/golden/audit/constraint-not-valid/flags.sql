CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, total numeric(12, 2));
INSERT INTO users VALUES (1);
INSERT INTO orders VALUES (1, 1, 5);
ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
ALTER TABLE orders ADD CHECK (total >= 0) NOT VALID;
CREATE DOMAIN email AS text;
ALTER DOMAIN email ADD CONSTRAINT "has at" CHECK (VALUE LIKE '%@%') NOT VALID;
CREATE TABLE contacts (id bigint PRIMARY KEY, address email);
