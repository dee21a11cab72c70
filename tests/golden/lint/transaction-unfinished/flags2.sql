-- path: migrations/0001_x.down.sql
BEGIN;
SELECT 1;
COMMIT;
BEGIN;
SELECT 2;
