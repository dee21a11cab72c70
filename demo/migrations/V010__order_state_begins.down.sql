-- The way back from V010__order_state_begins.sql: the status is still there.
DROP TRIGGER orders_keep_state ON orders;
DROP FUNCTION orders_keep_state();
-- pgkeep:loses public.orders.state: says what status says
ALTER TABLE orders DROP COLUMN state;
DROP TYPE order_state;
