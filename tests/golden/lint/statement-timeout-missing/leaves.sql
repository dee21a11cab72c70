-- path: db/change.sql
-- Brief.
ALTER TABLE orders ADD COLUMN kind int;
SET statement_timeout = '30s';
CREATE INDEX i ON posts (id);
