-- path: deploy/change.sql
CREATE TABLE IF NOT EXISTS t (a int);
ALTER TABLE orders ADD COLUMN IF NOT EXISTS kind int;
DROP INDEX IF EXISTS i;
-- The last one: when it is done, so is the file.
CREATE INDEX j ON orders (kind);
