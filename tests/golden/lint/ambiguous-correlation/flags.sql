CREATE TABLE users (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE orders (id bigint PRIMARY KEY, buyer_id bigint);
DELETE FROM users WHERE user_id IN (SELECT user_id FROM orders);
SELECT u.id FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE user_id = 5);
