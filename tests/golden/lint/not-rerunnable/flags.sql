-- path: deploy/change.sql
CREATE TABLE t (a int);
ALTER TABLE orders ADD COLUMN kind int;
DROP INDEX i;
CREATE INDEX j ON orders (kind);
