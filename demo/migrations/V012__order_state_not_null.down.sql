-- The way back from V012__order_state_not_null.sql.
ALTER TABLE orders ALTER COLUMN state DROP NOT NULL;
