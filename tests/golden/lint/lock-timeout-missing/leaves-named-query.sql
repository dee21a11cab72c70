-- path: queries.sql
-- name: hold_orders#
LOCK TABLE orders;
