-- min-version: 15
-- Few changes beside many rows, and many changes analysed since.
CREATE TABLE prices (id bigint NOT NULL, cents integer NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO prices SELECT g, 100 FROM generate_series(1, 20000) g;
SELECT pg_stat_force_next_flush();
ANALYZE prices;
UPDATE prices SET cents = id WHERE id <= 9000;
CREATE TABLE rates (id bigint NOT NULL, cents integer NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO rates SELECT g, 100 FROM generate_series(1, 20000) g;
UPDATE rates SET cents = id WHERE id <= 15000;
SELECT pg_stat_force_next_flush();
ANALYZE rates;
SELECT pg_stat_force_next_flush();
