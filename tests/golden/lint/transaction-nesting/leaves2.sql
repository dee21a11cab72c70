-- path: migrations/0001_x.up.sql
BEGIN;
SELECT 1;
COMMIT;
