-- The way back from V009__order_status_check.sql.
ALTER TABLE orders DROP CONSTRAINT orders_status_known;
