ALTER TABLE orders ADD COLUMN kind int;
UPDATE orders SET kind = 1 WHERE id < 1000;
