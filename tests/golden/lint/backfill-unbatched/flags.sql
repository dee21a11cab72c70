-- database: shop.json
UPDATE orders SET status = 'new' WHERE status = 'old';
DELETE FROM orders WHERE status LIKE 'x%';
