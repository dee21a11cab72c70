SELECT DISTINCT u.id, o.status FROM users u JOIN orders o ON o.user_id = u.id;
SELECT DISTINCT u.name FROM users u;
SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id;
SELECT DISTINCT name FROM users u JOIN orders o ON o.user_id = u.id;
