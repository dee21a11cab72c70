SELECT u.id FROM users u CROSS JOIN orders o;
SELECT u.id FROM users u LEFT JOIN LATERAL (SELECT 1 FROM orders o WHERE o.user_id = u.id LIMIT 1) s ON true;
SELECT u.id FROM users u JOIN orders o USING (id);
SELECT u.id FROM users u NATURAL JOIN orders o;
SELECT u.id FROM users u JOIN orders o ON user_id = uid;
SELECT u.id FROM users u JOIN unnest($1::int[]) AS x ON true;
SELECT u.id FROM users u JOIN orders o ON o.user_id = u.id AND o.paid;
