SELECT DISTINCT user_id FROM orders;
SELECT DISTINCT count(*) FROM orders GROUP BY user_id;
SELECT DISTINCT ON (user_id) id FROM orders ORDER BY user_id, created_at DESC;
SELECT user_id, count(DISTINCT product_id) FROM orders GROUP BY user_id;
SELECT (SELECT DISTINCT name FROM users WHERE users.id = orders.user_id) FROM orders;
