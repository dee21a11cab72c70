-- Rows first; a table of this file; a few rows of the text itself.
UPDATE orders SET kind = 1 WHERE id < 1000;
CREATE TABLE kinds (id bigint PRIMARY KEY, name text);
INSERT INTO kinds SELECT 1, 'a';
ALTER TABLE orders ADD COLUMN other int;
INSERT INTO kinds VALUES (2, 'b');
