-- path: db/change.sql
ALTER TABLE orders ADD COLUMN kind int;
SET lock_timeout = '2s';
ALTER TABLE posts ADD COLUMN kind int;
