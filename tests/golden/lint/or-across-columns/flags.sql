SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE u.email = $1 OR o.code = $2;
