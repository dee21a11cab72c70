-- The way back from V046__order_statistics.sql.
ALTER TABLE orders ALTER COLUMN state SET STATISTICS -1;
DROP STATISTICS orders_user_state;
