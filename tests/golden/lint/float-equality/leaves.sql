-- database: db.json
SELECT id FROM orders WHERE total > 19.99;
SELECT id FROM orders WHERE total = 0.5;
SELECT id FROM elsewhere WHERE total = 19.99;
