SELECT 1 / 2;
SELECT count(*) FILTER (WHERE paid) / count(*) FROM orders;
SELECT 100 * count(done) / count(*) FROM jobs;
