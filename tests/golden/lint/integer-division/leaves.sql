SELECT 4 / 2, 1.0 / 2, x / 2, count(*) / 2 FROM t;
SELECT count(*)::numeric / nullif(count(*), 0) FROM t;
SELECT 100.0 * count(done) / count(*) FROM jobs;
SELECT sum(x) / count(*) FROM t;
