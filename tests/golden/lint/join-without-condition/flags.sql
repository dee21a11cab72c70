SELECT u.id FROM users u JOIN orders o ON true;
SELECT u.id FROM users u LEFT JOIN orders o ON u.active = true AND u.kind = 'a';
SELECT u.id FROM users u JOIN orders o ON o.id = o.user_id;
