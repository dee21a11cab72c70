-- path: db/change.sql
SET lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN kind int;
SET lock_timeout = 0;
CREATE INDEX CONCURRENTLY i ON orders (kind);
SET statement_timeout = 0;
