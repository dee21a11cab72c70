UPDATE orders SET status = 'new';
UPDATE orders SET status = 'new' WHERE 'a' = 'a';
UPDATE orders SET author_id = u.id FROM users u;
