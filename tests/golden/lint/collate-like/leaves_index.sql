-- database: db.json
CREATE INDEX CONCURRENTLY orders_status_prefix ON orders (status text_pattern_ops);
SELECT id FROM orders WHERE status LIKE 'late%';
