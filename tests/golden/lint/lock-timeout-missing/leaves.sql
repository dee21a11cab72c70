-- path: db/change.sql
SET lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN kind int;
CREATE INDEX CONCURRENTLY i ON orders (kind);
