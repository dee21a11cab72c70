SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id AND o.status = 'paid' WHERE u.name = 'x';
SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.id IS NULL;
SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.status = 'paid' OR o.id IS NULL;
SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE coalesce(o.status, 'none') = 'none';
SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.status IS DISTINCT FROM 'paid';
SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id WHERE o.status = 'paid';
