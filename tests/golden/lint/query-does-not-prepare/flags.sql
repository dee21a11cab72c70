-- path: queries.sql
-- prepared: said.json
-- name: orders_of_user
SELECT id FROM orders WHERE qty > :quantity_at_least AND usr_id = :user_id;

-- name: late_orders^
SELECT /* late_orders */ id FROM orders
 WHERE id = 'x'::date;

-- name: maybe
SELECT :who IS NULL;
