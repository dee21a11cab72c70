-- The child ends before the key; the child is wider, so the key and its other children follow.
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE orders (id serial PRIMARY KEY);
CREATE TABLE order_items (id bigint PRIMARY KEY, order_id smallint REFERENCES orders (id));
CREATE TABLE shipments (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id));
INSERT INTO orders DEFAULT VALUES;
INSERT INTO order_items VALUES (1, 1);
INSERT INTO shipments VALUES (1, 1);
-- A view holds the column fast.
CREATE TABLE visits (id bigint PRIMARY KEY, user_id integer REFERENCES users (id));
CREATE VIEW visitors AS SELECT user_id FROM visits;
-- Longer codes cannot be referenced; another collation.
CREATE TABLE coupons (code varchar(255) PRIMARY KEY);
CREATE TABLE coupon_uses (id bigint PRIMARY KEY, code varchar(100) REFERENCES coupons (code));
CREATE TABLE labels (id bigint PRIMARY KEY, code varchar(255) COLLATE "C" REFERENCES coupons (code));
