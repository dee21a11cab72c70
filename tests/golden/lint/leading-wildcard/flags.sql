-- database: db.json
SELECT id FROM orders WHERE note LIKE '%late%';
SELECT id FROM t WHERE name ILIKE $1;
SELECT id FROM t WHERE name LIKE '%' || $1 || '%';
