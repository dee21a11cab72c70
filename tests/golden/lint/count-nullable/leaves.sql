-- database: db.json
SELECT count(*), count(status), count(DISTINCT note) FROM orders;
SELECT u.id, count(o.note) FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id;
