-- Three tables in a row.
CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE);
CREATE TABLE items (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id) ON DELETE CASCADE);
CREATE TABLE notes (id bigint PRIMARY KEY, item_id bigint REFERENCES items (id) ON DELETE CASCADE);
INSERT INTO users VALUES (1);
INSERT INTO orders SELECT g, 1 FROM generate_series(1, 1500) g;
ANALYZE;
