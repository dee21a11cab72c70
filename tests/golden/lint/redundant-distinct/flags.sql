SELECT DISTINCT user_id, count(*) FROM orders GROUP BY user_id;
SELECT id FROM users WHERE id IN (SELECT DISTINCT user_id FROM orders);
SELECT id FROM users u WHERE EXISTS (SELECT DISTINCT 1 FROM orders o WHERE o.user_id = u.id);
