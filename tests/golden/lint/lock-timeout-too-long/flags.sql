-- path: db/change.sql
SET lock_timeout = '1min';
ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE posts ADD COLUMN kind int;
SET lock_timeout = 30000;
ALTER TABLE users ADD COLUMN kind int;
