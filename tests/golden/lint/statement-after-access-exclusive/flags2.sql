ALTER TABLE orders ADD COLUMN kind int;
CREATE INDEX i ON posts (id);
