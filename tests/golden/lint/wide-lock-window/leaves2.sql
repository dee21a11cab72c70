-- path: deploy/change.sql
ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE posts ADD COLUMN kind int;
