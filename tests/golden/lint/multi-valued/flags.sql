SELECT id FROM t WHERE tags LIKE '%,1,%';
SELECT id FROM t WHERE tags LIKE '1,%';
