-- path: db/change.sql
BEGIN;
ALTER TABLE orders ADD COLUMN kind int;
CREATE INDEX i ON posts (id);
COMMIT;
