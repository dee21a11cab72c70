-- migrate:up
ALTER TABLE orders ADD COLUMN kind int;
