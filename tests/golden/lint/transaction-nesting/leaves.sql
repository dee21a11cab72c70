-- path: db/change.sql
BEGIN;
SAVEPOINT a;
ROLLBACK TO a;
SELECT 1;
COMMIT;
