-- path: db/change.sql
BEGIN;
BEGIN;
COMMIT;
ROLLBACK;
