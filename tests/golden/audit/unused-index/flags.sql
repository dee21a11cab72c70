-- min-version: 15
CREATE TABLE orders (id bigint PRIMARY KEY, note text);
INSERT INTO orders SELECT g, 'note ' || g FROM generate_series(1, 2000) g;
CREATE INDEX orders_note ON orders (note);
VACUUM ANALYZE orders;
SELECT pg_stat_force_next_flush();
