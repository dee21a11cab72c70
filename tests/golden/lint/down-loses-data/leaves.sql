-- migrate:up
CREATE TABLE t (a int);
ALTER TABLE orders ADD COLUMN note text;
DROP INDEX i;
-- migrate:down
ALTER TABLE orders DROP COLUMN note;
DROP TABLE t;
CREATE INDEX i ON orders (a);
ALTER TABLE orders ADD COLUMN other text;
