-- database: db.json
SELECT id FROM orders WHERE note LIKE 'late%';
SELECT id FROM orders WHERE status LIKE '%late';
SELECT id FROM orders WHERE status LIKE $1;
SELECT id FROM orders WHERE status = 'late';
SELECT id FROM orders WHERE status ILIKE 'late%';
SELECT id FROM users WHERE name LIKE 'a%';
SELECT id FROM nowhere WHERE name LIKE 'a%';
