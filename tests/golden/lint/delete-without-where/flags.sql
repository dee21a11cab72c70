DELETE FROM orders;
DELETE FROM shop.orders WHERE true;
DELETE FROM orders WHERE 1 = 1 OR id = 4;
DELETE FROM orders o WHERE o.id = o.id AND NOT false;
WITH gone AS (DELETE FROM posts RETURNING *) INSERT INTO archive SELECT * FROM gone;
