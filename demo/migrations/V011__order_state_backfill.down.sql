-- The way back from V011__order_state_backfill.sql: nothing, for the column goes with the file before.
SELECT 1;
