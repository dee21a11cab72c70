SELECT id FROM jobs ORDER BY id LIMIT 50;
SELECT 1 FROM jobs WHERE x = 1 LIMIT 1;
SELECT count(*) FROM jobs LIMIT 1;
DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE done LIMIT 1000);
WITH batch AS (SELECT id FROM jobs WHERE done LIMIT 1000) DELETE FROM jobs USING batch WHERE jobs.id = batch.id;
CREATE TABLE u (id bigint PRIMARY KEY, name text);
SELECT name FROM u WHERE id = $1 LIMIT 1;
SELECT x FROM generate_series(1, 9) x LIMIT 2;
