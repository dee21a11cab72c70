SELECT id FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 5;
SELECT id FROM users u WHERE EXISTS (SELECT FROM orders o WHERE o.user_id = u.id);
SELECT u.id FROM users u GROUP BY u.id HAVING count(*) > 1;
SELECT (SELECT max(n) FROM orders) > 0;
