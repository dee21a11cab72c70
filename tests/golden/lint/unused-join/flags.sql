CREATE TABLE users (id bigint PRIMARY KEY, name text);
SELECT o.id, o.total FROM orders o LEFT JOIN users u ON u.id = o.user_id WHERE o.total > 5;
