SELECT id, status FROM jobs WHERE account_id = $1 LIMIT 50;
SELECT id FROM (SELECT id FROM t LIMIT 10) s ORDER BY id;
