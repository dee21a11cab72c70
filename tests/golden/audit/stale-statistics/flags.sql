-- min-version: 15
CREATE TABLE prices (id bigint NOT NULL, cents integer NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO prices SELECT g, 100 FROM generate_series(1, 20000) g;
SELECT pg_stat_force_next_flush();
ANALYZE prices;
UPDATE prices SET cents = id WHERE id <= 15000;
SELECT pg_stat_force_next_flush();
