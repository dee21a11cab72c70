-- The way back from V041__order_total_begins.sql.
DROP FUNCTION order_items_keep_total();
-- pgkeep:loses public.orders.total_cents: the sum of the lines
ALTER TABLE orders DROP COLUMN total_cents;
