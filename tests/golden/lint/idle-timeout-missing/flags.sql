-- path: db/change.sql
BEGIN;
ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE posts ADD COLUMN kind int;
COMMIT;
BEGIN;
ALTER TABLE users ADD COLUMN kind int;
COMMIT;
