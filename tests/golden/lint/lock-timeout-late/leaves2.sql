-- path: db/change.sql
CREATE TABLE t (a int);
ALTER TABLE t ADD COLUMN b int;
SET lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN kind int;
