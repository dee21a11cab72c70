SELECT x, sum(y) FROM t GROUP BY x HAVING sum(y) > 1;
SELECT 1;
