-- database: db.json
SELECT id FROM orders WHERE status LIKE 'late%';
SELECT id FROM orders WHERE status LIKE $1 || '%';
UPDATE orders SET qty = 0 WHERE status LIKE 'a_b%';
