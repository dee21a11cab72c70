ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE orders ADD COLUMN other int;
ALTER TABLE posts ADD COLUMN kind int;
ALTER TABLE users ADD COLUMN kind int;
