-- path: queries.sql
-- prepared: said.json
ALTER TABLE orders ADD COLUMN added int;
-- name: x
SELECT added FROM orders WHERE id = $1;
