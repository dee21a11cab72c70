ALTER TABLE orders ADD COLUMN kind int;
