-- Four of five rows are gone: a warning. Two of five: advice.
CREATE TABLE readings (id bigint NOT NULL, sensor integer NOT NULL, note text) WITH (autovacuum_enabled = off);
INSERT INTO readings SELECT g, g % 100, repeat('x', 80) FROM generate_series(1, 20000) g;
DELETE FROM readings WHERE id % 5 <> 0;
VACUUM ANALYZE readings;
CREATE TABLE visits (id bigint NOT NULL, path text) WITH (autovacuum_enabled = off);
INSERT INTO visits SELECT g, md5(g::text) FROM generate_series(1, 20000) g;
DELETE FROM visits WHERE id % 5 < 2;
VACUUM ANALYZE visits;
