-- database: db.json
SELECT id FROM orders WHERE note LIKE 'late%';
SELECT id FROM t WHERE name LIKE $1;
SELECT indexrelname FROM pg_stat_all_indexes WHERE indexrelname LIKE '%user_id%';
CREATE TABLE docs (id bigint PRIMARY KEY, body text);
CREATE INDEX ON docs USING gin (body gin_trgm_ops);
SELECT id FROM docs WHERE body ILIKE '%x%';
SELECT name LIKE '%x' FROM t;
