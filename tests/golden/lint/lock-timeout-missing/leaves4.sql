-- path: db/change.sql
-- lock-timeout-late says it.
ALTER TABLE orders ADD COLUMN kind int;
SET lock_timeout = '2s';
ALTER TABLE posts ADD COLUMN kind int;
