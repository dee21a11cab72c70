-- migrate:up
DROP TABLE old;
ALTER TABLE orders DROP COLUMN note, DROP COLUMN kind;
-- migrate:down
CREATE TABLE old (a int);
ALTER TABLE orders ADD COLUMN note text;
