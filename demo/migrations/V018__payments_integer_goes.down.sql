-- The way back from V018__payments_integer_goes.sql: V017's way back fills it.
ALTER TABLE payments ADD COLUMN amount_cents_old integer;
