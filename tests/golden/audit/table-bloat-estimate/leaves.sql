-- Freshly loaded tables of every awkward shape, one with a dropped column, one whose rows were updated once.
CREATE TABLE narrow AS SELECT g AS id FROM generate_series(1, 20000) g;
CREATE TABLE wide AS SELECT g AS id, repeat(md5(g::text), 40) AS body FROM generate_series(1, 2000) g;
CREATE TABLE padded AS SELECT true AS a, g::bigint AS b, false AS c, g::bigint AS d, 1::smallint AS e FROM generate_series(1, 10000) g;
CREATE TABLE sparse AS SELECT CASE WHEN g % 2 = 0 THEN g END AS a, CASE WHEN g % 3 = 0 THEN md5(g::text) END AS b, g AS c FROM generate_series(1, 10000) g;
CREATE TABLE roomy (id integer, v text) WITH (fillfactor = 70);
INSERT INTO roomy SELECT g, md5(g::text) FROM generate_series(1, 10000) g;
CREATE TABLE documents (id integer, doc text);
ALTER TABLE documents ALTER COLUMN doc SET STORAGE EXTERNAL;
INSERT INTO documents SELECT g, repeat('y', 5000) FROM generate_series(1, 500) g;
CREATE TABLE empty (id integer);
VACUUM ANALYZE;
