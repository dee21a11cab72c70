-- min-version: 15
-- Used; unique; for a foreign key; too small to matter.
CREATE TABLE users (id bigint PRIMARY KEY);
INSERT INTO users SELECT g FROM generate_series(1, 2000) g;
CREATE TABLE orders (id bigint PRIMARY KEY, number text NOT NULL UNIQUE, note text, user_id bigint REFERENCES users (id));
INSERT INTO orders SELECT g, 'n' || g, 'note ' || g, g FROM generate_series(1, 2000) g;
CREATE INDEX orders_note ON orders (note);
CREATE INDEX orders_user ON orders (user_id);
CREATE TABLE small (id bigint PRIMARY KEY, note text);
CREATE INDEX ON small (note);
VACUUM ANALYZE;
SET enable_seqscan = off;
SELECT count(*) FROM orders WHERE note = 'note 5';
SELECT pg_stat_force_next_flush();
