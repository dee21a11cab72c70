SELECT id FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.user_id = u.id) > 0;
SELECT (SELECT count(id) FROM orders) = 0;
