-- The way back from V042__order_total_backfill.sql.
DROP TRIGGER order_items_keep_total ON order_items;
