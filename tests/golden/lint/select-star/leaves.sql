SELECT count(*) FROM orders;
SELECT 1 WHERE EXISTS (SELECT * FROM orders);
SELECT * FROM pg_stat_all_indexes WHERE indexrelname LIKE '%user_id%';
SELECT * FROM information_schema.tables;
WITH c AS (SELECT id, name FROM t) SELECT * FROM c;
SELECT * FROM (SELECT id FROM t) s;
SELECT * FROM generate_series(1, 3);
CREATE TEMP TABLE scratch (id int);
SELECT * FROM scratch;
