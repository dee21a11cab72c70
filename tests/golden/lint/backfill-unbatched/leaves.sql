-- database: shop.json
UPDATE orders SET status = 'new' WHERE id = 4;
UPDATE orders SET status = 'new' WHERE author_id = 7 AND status = 'old';
UPDATE orders SET status = 'new' WHERE status IS NULL;
UPDATE people SET email = 'x' WHERE email LIKE 'y%';
INSERT INTO orders (id) VALUES (1);
