SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE u.email = $1 OR u.name = $2;
SELECT id FROM users WHERE email = $1 OR name = $2;
SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE (u.a = 1 AND o.b = 2) OR (u.a = 2 AND o.b = 3);
SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id OR o.payer_id = u.id;
