-- The index is built in a step of its own.
ALTER TABLE orders ADD COLUMN kind int;
CREATE INDEX CONCURRENTLY i ON posts (id);
