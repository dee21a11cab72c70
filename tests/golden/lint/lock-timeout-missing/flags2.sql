-- migrate:up
-- A change.
ALTER TABLE orders ADD COLUMN kind int;
-- migrate:down
ALTER TABLE orders DROP COLUMN kind;
