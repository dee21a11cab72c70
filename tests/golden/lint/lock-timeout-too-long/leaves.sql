-- path: db/change.sql
SET lock_timeout = '5s';
ALTER TABLE orders ADD COLUMN kind int;
SET lock_timeout = '1h';
CREATE INDEX CONCURRENTLY i ON orders (kind);
SET lock_timeout = 2000;
ALTER TABLE posts ADD COLUMN kind int;
