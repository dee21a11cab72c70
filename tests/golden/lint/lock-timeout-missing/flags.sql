-- path: db/change.sql
-- Once a file.
ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE posts ADD COLUMN kind int;
