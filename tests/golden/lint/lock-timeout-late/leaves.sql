-- path: db/change.sql
SET lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN kind int;
SET lock_timeout = '1s';
ALTER TABLE posts ADD COLUMN kind int;
