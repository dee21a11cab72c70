-- path: db/change.sql
SET lock_timeout = 0;
ALTER TABLE orders ADD COLUMN kind int;
SET lock_timeout = '2s';
ALTER TABLE posts ADD COLUMN kind int;
SET lock_timeout = '0';
ALTER TABLE users ADD COLUMN kind int;
