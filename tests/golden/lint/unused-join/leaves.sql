CREATE TABLE users (id bigint PRIMARY KEY, name text);
SELECT o.id, u.name FROM orders o LEFT JOIN users u ON u.id = o.user_id;
SELECT o.id FROM orders o LEFT JOIN users u ON u.name = o.name;
SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id;
SELECT o.id FROM orders o LEFT JOIN users u ON u.id = o.user_id ORDER BY u.name;
SELECT o.id, name FROM orders o LEFT JOIN users u ON u.id = o.user_id;
SELECT * FROM orders o LEFT JOIN users u ON u.id = o.user_id;
