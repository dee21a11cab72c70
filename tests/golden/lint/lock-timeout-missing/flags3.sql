-- path: db/change.sql
BEGIN;
LOCK TABLE orders;
COMMIT;
