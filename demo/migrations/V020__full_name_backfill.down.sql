-- The way back from V020__full_name_backfill.sql: nothing, for the column goes with the file before.
SELECT 1;
