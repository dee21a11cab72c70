-- Two in a row, a tree of its own rows, and a long chain of small tables.
CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE);
CREATE TABLE items (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id) ON DELETE CASCADE);
CREATE TABLE comments (id bigint PRIMARY KEY, parent_id bigint REFERENCES comments (id) ON DELETE CASCADE);
INSERT INTO users VALUES (1);
INSERT INTO orders SELECT g, 1 FROM generate_series(1, 1500) g;
INSERT INTO comments SELECT g, 1 FROM generate_series(1, 1500) g;
CREATE TABLE a (id bigint PRIMARY KEY);
CREATE TABLE b (id bigint PRIMARY KEY REFERENCES a (id) ON DELETE CASCADE);
CREATE TABLE c (id bigint PRIMARY KEY REFERENCES b (id) ON DELETE CASCADE);
CREATE TABLE d (id bigint PRIMARY KEY REFERENCES c (id) ON DELETE CASCADE);
ANALYZE;
