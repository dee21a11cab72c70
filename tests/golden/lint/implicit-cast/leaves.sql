-- database: db.json
SELECT id FROM orders WHERE qty = 10;
SELECT id FROM orders WHERE id = 3000000000;
SELECT id FROM orders WHERE total > 1.5;
SELECT id FROM orders WHERE qty * 1.5 > 10;
