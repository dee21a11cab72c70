-- database: db.json
SELECT id FROM orders WHERE qty = 10.0;
SELECT status FROM orders WHERE id = $1::numeric;
