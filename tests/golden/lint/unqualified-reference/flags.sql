SELECT u.id, status FROM users u JOIN orders o ON o.user_id = u.id;
