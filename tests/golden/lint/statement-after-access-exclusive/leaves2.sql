CREATE TABLE t (a int);
ALTER TABLE t ADD COLUMN b int;
CREATE INDEX i ON posts (id);
ALTER TABLE orders ADD COLUMN kind int;
CREATE INDEX j ON t (a);
ALTER TABLE orders ADD COLUMN other int;
