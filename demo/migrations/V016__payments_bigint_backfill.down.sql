-- The way back from V016__payments_bigint_backfill.sql: nothing, for the column goes with the file before.
SELECT 1;
