-- path: db/change.sql
BEGIN;
ALTER TABLE orders ADD COLUMN kind int;
COMMIT;
BEGIN;
ALTER TABLE posts ADD COLUMN kind int;
COMMIT;
