-- min-version: 15
-- Dead rows below a fifth of the table, and many dead rows that were vacuumed.
CREATE TABLE orders (id bigint NOT NULL, state text NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO orders SELECT g, 'new' FROM generate_series(1, 80000) g;
SELECT pg_stat_force_next_flush();
ANALYZE orders;
UPDATE orders SET state = 'paid' WHERE id <= 12000;
CREATE TABLE jobs (id bigint NOT NULL, state text NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO jobs SELECT g, 'new' FROM generate_series(1, 20000) g;
DELETE FROM jobs WHERE id <= 15000;
SELECT pg_stat_force_next_flush();
VACUUM jobs;
SELECT pg_stat_force_next_flush();
