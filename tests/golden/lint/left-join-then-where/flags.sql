SELECT u.id FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.status = 'paid';
SELECT u.id FROM orders o RIGHT JOIN users u ON o.user_id = u.id WHERE u.id > 5 AND o.total > 1;
