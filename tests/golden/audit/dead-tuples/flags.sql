-- min-version: 15
-- A queue: every job is written, taken and deleted, and nobody vacuums.
CREATE TABLE jobs (id bigint NOT NULL, state text NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO jobs SELECT g, 'new' FROM generate_series(1, 20000) g;
SELECT pg_stat_force_next_flush();
ANALYZE jobs;
DELETE FROM jobs WHERE id <= 15000;
SELECT pg_stat_force_next_flush();
