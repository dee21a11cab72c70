SELECT u.id, o.status FROM users u JOIN orders o ON o.user_id = u.id;
SELECT id FROM users;
