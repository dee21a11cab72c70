UPDATE orders SET status = 'new' WHERE status IS NULL;
UPDATE orders SET status = 'new' WHERE id = author_id;
SELECT * FROM orders FOR UPDATE;
CREATE TEMP TABLE t (a int);
UPDATE t SET a = 1;
