-- database: db.json
SELECT id FROM orders WHERE total = 19.99;
